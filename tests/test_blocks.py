"""Block types, schemas and documents: rules that are not in the contract."""

import sys
from typing import Any

import httpx
import pytest

from tests.test_handlers import created

MASK = "********"


def a_type(api: httpx.Client, slug: str, **fields: object) -> dict[str, Any]:
    return created(api, "/block_types/", name=slug.title(), slug=slug, **fields)


def a_schema(api: httpx.Client, block_type: dict[str, Any], **fields: object) -> dict[str, Any]:
    return created(api, "/block_schemas/", block_type_id=block_type["id"], fields=fields)


def a_document(api: httpx.Client, schema: dict[str, Any], name: str, **data: object) -> dict[str, Any]:
    ids = {"block_type_id": schema["block_type_id"], "block_schema_id": schema["id"]}
    return created(api, "/block_documents/", name=name, data=data, **ids)


def data_of(api: httpx.Client, document: dict[str, Any], **query: bool) -> Any:
    return api.get(f"/block_documents/{document['id']}", params=query).raise_for_status().json()["data"]


def reference(document: dict[str, Any]) -> dict[str, Any]:
    return {"$ref": {"block_document_id": document["id"]}}


def refused(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["detail"]


# ----------------------------------------------------------------------- types


def test_block_type_is_escaped_only_when_it_is_created(own: httpx.Client) -> None:
    made = a_type(own, "escaped", description='a < b & "c"', code_example="<x>")
    assert (made["description"], made["code_example"]) == ('a &lt; b &amp; "c"', "&lt;x&gt;")
    own.patch(f"/block_types/{made['id']}", json={"description": "<b>"}).raise_for_status()
    assert own.get("/block_types/slug/escaped").json()["description"] == "<b>"


def test_block_type_is_not_updated_without_changes(own: httpx.Client) -> None:
    made = a_type(own, "same", description="a < b")
    same = {"logo_url": None, "documentation_url": None, "description": "a < b", "code_example": None}
    own.patch(f"/block_types/{made['id']}", json=same).raise_for_status()
    assert own.get("/block_types/slug/same").json() == made


def test_names_of_block_types_are_reserved_and_slugs_are_unique(own: httpx.Client) -> None:
    reserved = own.post("/block_types/", json={"name": "PREFECT x", "slug": "x"})
    assert refused(reserved) == (403, "Block type names beginning with 'Prefect' are reserved.")
    a_type(own, "taken")
    taken = own.post("/block_types/", json={"name": "Other", "slug": "taken"})
    assert refused(taken) == (409, 'Block type with name "Other" already exists')


@pytest.mark.skipif("prefect" in sys.modules, reason="these are the blocks of the installed Prefect")
def test_system_block_types_are_installed_once_and_protected(own: httpx.Client) -> None:
    for _ in range(2):
        own.post("/block_types/install_system_block_types").raise_for_status()
    types = own.post("/block_types/filter").json()
    assert [each["slug"] for each in types if each["is_protected"]] == ["local-file-system", "secret", "webhook"]
    secret = own.get("/block_types/slug/secret").json()
    assert refused(own.delete(f"/block_types/{secret['id']}"))[0] == 403
    [schema] = own.post(
        "/block_schemas/filter", json={"block_schemas": {"block_type_id": {"any_": [secret["id"]]}}}
    ).json()
    assert schema["fields"]["secret_fields"] == ["value"]
    assert refused(own.delete(f"/block_schemas/{schema['id']}"))[0] == 403


def test_system_block_type_registered_by_a_client_is_protected(own: httpx.Client) -> None:
    """A real server has it from the start, but here a client that saves a secret registers it."""
    secret = a_type(own, "secret")
    assert secret["is_protected"]
    schema = a_schema(own, secret, title="Secret")
    assert refused(own.delete(f"/block_types/{secret['id']}")) == (403, "protected block types cannot be deleted.")
    assert refused(own.delete(f"/block_schemas/{schema['id']}"))[0] == 403
    own.patch(f"/block_types/{secret['id']}", json={"description": "a password"}).raise_for_status()
    assert own.get("/block_types/slug/secret").json()["is_protected"]
    assert not a_type(own, "secrets")["is_protected"]


def test_block_type_is_deleted_with_its_schemas_and_documents(own: httpx.Client) -> None:
    block_type = a_type(own, "gone")
    schema = a_schema(own, block_type, title="Gone")
    document = a_document(own, schema, "gone")
    own.delete(f"/block_types/{block_type['id']}").raise_for_status()
    assert own.get(f"/block_schemas/{schema['id']}").status_code == 404
    assert own.get(f"/block_documents/{document['id']}").status_code == 404


def test_document_is_deleted_with_referring_deployments_and_runs(own: httpx.Client) -> None:
    """Source: the foreign keys of `prefect.server.database.orm_models`."""
    schema = a_schema(own, a_type(own, "kept"), title="Kept")
    storage, infrastructure = (a_document(own, schema, name) for name in ("storage", "infrastructure"))
    flow = own.post("/flows/", json={"name": "kept"}).json()["id"]
    body = {"name": "kept", "flow_id": flow, "storage_document_id": storage["id"]}
    deployment = own.post("/deployments/", json=body).json()["id"]
    body = {"flow_id": flow, "deployment_id": deployment, "infrastructure_document_id": infrastructure["id"]}
    run = own.post("/flow_runs/", json=body).json()["id"]
    own.delete(f"/block_documents/{storage['id']}").raise_for_status()
    assert [own.get(path).status_code for path in (f"/deployments/{deployment}", f"/flow_runs/{run}")] == [404, 200]
    own.delete(f"/block_documents/{infrastructure['id']}").raise_for_status()
    assert own.get(f"/flow_runs/{run}").status_code == 404


# --------------------------------------------------------------------- schemas


def test_checksum_of_a_schema_is_that_of_a_real_server(own: httpx.Client) -> None:
    fields = {"b": 1.0, "a": "ü", "secret_fields": ["a"], "z": {"secret_fields": 1, "k": [{"secret_fields": 2}]}}
    schema = a_schema(own, a_type(own, "checked"), **fields)
    # Recorded from Prefect 3.9.1.
    assert schema["checksum"] == "sha256:9c653d3ced2b49a84cd54fd9ed7a8c227c8add1ac9382386465db5e99932123b"
    schema = a_schema(own, a_type(own, "without"), title="T", definitions=None)
    assert schema["checksum"] == "sha256:13b06694a4df2e175dc7d90e0632cb08dc3106dccd0903f7a388da1539db461c"


def test_schema_with_the_same_checksum_and_version_is_reused(own: httpx.Client) -> None:
    first, second = a_type(own, "first"), a_type(own, "second")
    schema = a_schema(own, first, title="T", secret_fields=["a"])
    again = own.post("/block_schemas/", json={"block_type_id": second["id"], "fields": {"title": "T"}})
    assert (again.status_code, again.json()["id"]) == (200, schema["id"])
    newer = created(own, "/block_schemas/", block_type_id=first["id"], fields={"title": "T"}, version="2")
    assert newer["id"] != schema["id"]
    path = f"/block_schemas/checksum/{schema['checksum']}"
    assert own.get(path).json()["id"] == newer["id"]
    assert own.get(path, params={"version": "non-versioned"}).json()["id"] == schema["id"]


def parent_fields(slug: str) -> dict[str, Any]:
    child = {"title": "Child", "block_type_slug": slug, "properties": {"q": {}}}
    return {
        "title": "Parent",
        "properties": {"inner": {"$ref": "#/definitions/Child"}, "color": {"$ref": "#/definitions/Color"}},
        "definitions": {"Child": child, "Color": {"enum": ["red"]}, "Unused": {"title": "Unused"}},
        "block_schema_references": {"inner": {"block_type_slug": slug, "block_schema_checksum": "sha256:0"}},
    }


def test_nested_block_has_its_own_schema(own: httpx.Client) -> None:
    block_type = a_type(own, "nested")
    fields = parent_fields("nested")
    parent = a_schema(own, block_type, **fields)
    assert parent["fields"] == fields, "as it was sent"
    child, _ = own.post("/block_schemas/filter").json()
    assert child["fields"] == {**fields["definitions"]["Child"], "block_schema_references": {}}
    read = own.get(f"/block_schemas/{parent['id']}").json()["fields"]
    found = {"block_type_slug": "nested", "block_schema_checksum": child["checksum"]}
    assert read["block_schema_references"] == {"inner": found}
    assert read["definitions"] == {"Child": child["fields"], "Color": {"enum": ["red"]}}
    again = {"title": "Again", "block_schema_references": {"inner": found}}
    assert a_schema(own, block_type, **again)["fields"] == again, "a nested block that is known needs no definition"


def test_schema_without_definitions_shows_those_of_nested_blocks(own: httpx.Client) -> None:
    """A real server fails on `null`."""
    block_type = a_type(own, "nested")
    child = a_schema(own, block_type, title="Child")
    reference = {"block_type_slug": "nested", "block_schema_checksum": child["checksum"]}
    fields = {"title": "Parent", "definitions": None, "block_schema_references": {"inner": reference}}
    parent = a_schema(own, block_type, **fields)
    read = own.get(f"/block_schemas/{parent['id']}").raise_for_status().json()["fields"]
    assert [*read["definitions"]] == ["Child"]


def test_schema_with_an_invalid_nested_block_adds_nothing(own: httpx.Client) -> None:
    block_type = a_type(own, "wrong")
    unknown = {"block_type_id": block_type["id"], "fields": parent_fields("unknown")}
    sentence = (
        "Cannot create block schema because block type 'unknown' was not found.Did you forget to register the "
        "block type?"
    )
    assert refused(own.post("/block_schemas/", json=unknown)) == (409, sentence)
    undefined = {"block_type_id": block_type["id"], "fields": {**parent_fields("wrong"), "definitions": {}}}
    assert refused(own.post("/block_schemas/", json=undefined))[0] == 422
    assert own.post("/block_schemas/filter").json() == []


# ------------------------------------------------------------------- documents


def test_secrets_are_masked_by_default(own: httpx.Client) -> None:
    schema = a_schema(own, a_type(own, "safe"), title="Safe", secret_fields=["key", "headers.*", "none"])
    data = {"key": "hush", "plain": 1, "headers": {"a": 1, "b": {"c": None}}, "none": None}
    document = a_document(own, schema, "safe", **data)
    masked = {"key": MASK, "plain": 1, "headers": {"a": MASK, "b": {"c": MASK}}, "none": None}
    assert document["data"] == data_of(own, document) == masked
    assert data_of(own, document, include_secrets=True) == data
    [listed] = own.post("/block_documents/filter", json={"include_secrets": True}).json()
    assert listed["data"] == data


def test_mask_that_is_sent_back_keeps_the_secret(own: httpx.Client) -> None:
    schema = a_schema(own, a_type(own, "kept"), title="Kept", secret_fields=["key", "headers.*"])
    document = a_document(own, schema, "kept", key="hush", headers={"a": 1}, old=1)
    change = {"data": {"key": MASK, "headers": {"a": MASK, "b": 2}}}
    own.patch(f"/block_documents/{document['id']}", json=change).raise_for_status()
    merged = {"key": "hush", "headers": {"a": 1, "b": 2}, "old": 1}
    assert data_of(own, document, include_secrets=True) == merged
    own.patch(f"/block_documents/{document['id']}", json={**change, "merge_existing_data": False})
    assert data_of(own, document, include_secrets=True) == {"key": "hush", "headers": {"a": 1, "b": 2}}


def test_document_includes_the_data_of_referenced_documents(own: httpx.Client) -> None:
    inner_schema = a_schema(own, a_type(own, "inner"), title="Inner", secret_fields=["key"])
    inner = a_document(own, inner_schema, "inner", key="hush")
    schema = a_schema(own, a_type(own, "outer"), title="Outer")
    outer = a_document(own, schema, "outer", block=reference(inner), own=1)
    assert outer["data"] == {"own": 1, "block": {"key": MASK}}
    shown = outer["block_document_references"]["block"]["block_document"]
    assert (shown["id"], shown["name"], shown["block_type"]["slug"]) == (inner["id"], "inner", "inner")
    assert data_of(own, outer, include_secrets=True) == {"own": 1, "block": {"key": "hush"}}
    own.patch(f"/block_documents/{outer['id']}", json={"data": {"own": 2}}).raise_for_status()
    assert data_of(own, outer) == {"own": 2}, "references that are not sent again are removed"


def test_circular_references_of_documents_are_rejected(own: httpx.Client) -> None:
    schema = a_schema(own, a_type(own, "circle"), title="Circle")
    first = a_document(own, schema, "first")
    second = a_document(own, schema, "second", block=reference(first))
    for other in (first, second):
        change = {"data": {"new": 1, "block": reference(other)}}
        status, detail = refused(own.patch(f"/block_documents/{first['id']}", json=change))
        assert (status, "cycle" in detail) == (400, True)
    assert data_of(own, first) == {}


def test_references_that_show_too_many_documents_are_rejected(own: httpx.Client) -> None:
    """Else, each level would take several times as long, and as much memory, as the one below."""
    schema = a_schema(own, a_type(own, "many"), title="Many")
    last = a_document(own, schema, "level-0")
    for level in range(1, 5):
        last = a_document(own, schema, f"level-{level}", **{f"key-{key}": reference(last) for key in range(8)})
    wide = {f"key-{key}": reference(last) for key in range(8)}
    ids = {"block_type_id": schema["block_type_id"], "block_schema_id": schema["id"]}
    added = own.post("/block_documents/", json={"name": "level-5", "data": wide, **ids})
    before = own.post("/block_documents/count").json()
    top = a_document(own, schema, "top")
    changed = own.patch(f"/block_documents/{top['id']}", json={"data": wide})
    for response in (added, changed):
        status, detail = refused(response)
        assert (status, "refer to more than 5,000 others" in detail) == (422, True)
    assert (before, data_of(own, top)) == (5, {})


def test_references_that_are_nested_too_deep_are_rejected(own: httpx.Client) -> None:
    schema = a_schema(own, a_type(own, "deep"), title="Deep")
    last = a_document(own, schema, "level-0")
    for level in range(1, 51):
        last = a_document(own, schema, f"level-{level}", block=reference(last))
    ids = {"block_type_id": schema["block_type_id"], "block_schema_id": schema["id"]}
    body = {"name": "level-51", "data": {"block": reference(last)}, **ids}
    status, detail = refused(own.post("/block_documents/", json=body))
    assert (status, "nested more than 50 levels deep" in detail) == (422, True)
    assert own.post("/block_documents/count").json() == 51


def test_rejected_document_adds_nothing(own: httpx.Client) -> None:
    schema = a_schema(own, a_type(own, "refused"), title="Refused")
    ids = {"block_type_id": schema["block_type_id"], "block_schema_id": schema["id"]}
    for wrong, status in (({}, 400), ({"block_document_id": schema["id"]}, 409), ({"block_document_id": "x"}, 400)):
        body = {"name": "refused", "data": {"a": 1, "b": {"$ref": wrong}}, **ids}
        assert refused(own.post("/block_documents/", json=body))[0] == status
    assert own.post("/block_documents/count").json() == 0
    a_document(own, schema, "refused")
    assert refused(own.post("/block_documents/", json={"name": "refused", **ids})) == (409, "Block already exists")


def test_document_requires_a_schema_of_its_type(own: httpx.Client) -> None:
    schema, other = (a_schema(own, a_type(own, slug), title=slug) for slug in ("own", "other"))
    document = a_document(own, schema, "typed")
    path = f"/block_documents/{document['id']}"
    wrong = own.patch(path, json={"data": {}, "block_schema_id": other["id"]})
    assert refused(wrong) == (400, "Must migrate block document to a block schema of the same block type.")
    own.patch(path, json={"block_schema_id": other["id"]}).raise_for_status()
    assert own.get(path).json() == document, "without data, nothing changes"


def test_document_keeps_a_schema_of_another_type(own: httpx.Client) -> None:
    """Types with the same fields share a schema, which belongs to the first of them."""
    first, second = a_type(own, "first"), a_type(own, "second")
    schema = a_schema(own, first, title="shared")
    assert (
        own.post("/block_schemas/", json={"block_type_id": second["id"], "fields": {"title": "shared"}}).json()
        == schema
    )
    document = a_document(own, {**schema, "block_type_id": second["id"]}, "one", a=1)
    same = {"block_schema_id": schema["id"], "data": {"a": 2}}
    own.patch(f"/block_documents/{document['id']}", json=same).raise_for_status()
    assert data_of(own, document) == {"a": 2}


def test_anonymous_documents_need_no_name_and_are_listed_only_on_request(own: httpx.Client) -> None:
    schema = a_schema(own, a_type(own, "anonymous"), title="Anonymous")
    ids = {"block_type_id": schema["block_type_id"], "block_schema_id": schema["id"]}
    document = created(own, "/block_documents/", is_anonymous=True, **ids)
    assert document["name"].startswith("anonymous-")
    counts = [
        own.post("/block_documents/count", json={"block_documents": criteria}).json()
        for criteria in (None, {}, {"is_anonymous": None}, {"is_anonymous": {"eq_": True}})
    ]
    assert counts == [0, 0, 1, 1]
    assert own.get("/block_types/slug/anonymous/block_documents").json() == []
    by_name = f"/block_types/slug/anonymous/block_documents/name/{document['name']}"
    assert own.get(by_name).json() == document
    unnamed = own.post("/block_documents/", json={"name": "", "data": 1}).json()["exception_detail"]
    assert [(each["loc"], each["msg"]) for each in unnamed] == [
        (["body"], "Value error, Names must be provided for block documents.")
    ], "the name is checked before all else"


def test_documents_are_sorted_by_type_and_name(own: httpx.Client) -> None:
    for slug, names in (("zebra", ["a", "c"]), ("ape", ["d", "b"])):
        schema = a_schema(own, a_type(own, slug), title=slug)
        for name in names:
            a_document(own, schema, name)
    found = own.post("/block_documents/filter", json={"sort": "BLOCK_TYPE_AND_NAME_ASC"}).json()
    assert [each["name"] for each in found] == ["b", "d", "a", "c"]


# ------------------------------------------------------------------ references


def test_capabilities_are_listed_once_in_order(own: httpx.Client) -> None:
    type_id = created(own, "/block_types/", name="Able", slug="able")["id"]
    for version, capabilities in (("1", ["write", "read"]), ("2", ["read"]), ("3", [])):
        body = {"block_type_id": type_id, "fields": {}, "version": version, "capabilities": capabilities}
        created(own, "/block_schemas/", **body)
    assert own.get("/block_capabilities/").json() == ["read", "write"]


def test_empty_references_are_rejected(own: httpx.Client) -> None:
    """A real server fails on them."""
    type_id = created(own, "/block_types/", name="Plain", slug="plain")["id"]
    ids = {"block_type_id": type_id, "block_schema_id": created(own, "/block_schemas/", block_type_id=type_id)["id"]}
    nothing: tuple[Any, ...] = ("text", None, [])
    for part in nothing:
        answer = own.post("/block_documents/", json={**ids, "name": "d", "data": {"k": {"$ref": part}}})
        reason = "The block reference in key k must be an object with a block_document_id."
        assert refused(answer) == (422, reason)
    for part in ("text", {}, {"block_type_slug": "plain"}):
        fields = {"block_schema_references": {"inner": part}}
        answer = own.post("/block_schemas/", json={"block_type_id": type_id, "fields": fields})
        reason = "The block schema reference 'inner' has no block_type_slug and block_schema_checksum."
        assert refused(answer) == (422, reason)
    for references in (*nothing, 5):
        body = {"block_type_id": type_id, "fields": {"block_schema_references": references}}
        reason = "The block schema references are not an object."
        assert refused(own.post("/block_schemas/", json=body)) == (422, reason)
