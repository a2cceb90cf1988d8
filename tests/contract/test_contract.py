"""The contract: that it is valid, that its examples are correct, and the errors of an invalid one."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator
from pydantic_core import ValidationError

from tests.conftest import Keeping
from tests.servers import stand_in
from understudy.contract.catalog import name_field
from understudy.contract.contract import Contract, Place
from understudy.contract.reading import Reading
from understudy.contract.validation import validator
from understudy.errors import ContractError
from understudy.operations import api_folder
from understudy.operations.api_folder import Api, own_folder

CONTRACT = Contract.load(own_folder() / "openapi.yaml")
SERVED_BY_EVERY_OPERATION = {"405"}


def test_contract_is_valid() -> None:
    assert list(OpenAPIV30SpecValidator(CONTRACT.document).iter_errors()) == []
    assert CONTRACT.document["openapi"] == "3.0.3"


def test_no_schema_is_unused() -> None:
    # Handlers of streams name the schemas of messages.
    files = [*CONTRACT.bundle.files, *(own_folder() / "handlers").rglob("*.py")]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    names = [*CONTRACT.document["components"]["schemas"], *CONTRACT.document["components"]["responses"]]
    rows = {name for name, place in CONTRACT.root["components"]["schemas"].items() if "x-table" in place.value}
    assert [name for name in names if re.search(rf"[/\"]{name}\b", text) is None and name not in rows] == []


# ------------------------------------------------------------------------ examples


def examples(media: Place) -> Iterator[tuple[str, Any]]:
    if "example" in media.value:
        yield "example", media.value["example"]
    for name, example in media.entries("examples"):
        yield name, example.value["value"]


def request_examples() -> Iterator[Any]:
    for operation_id, operation in CONTRACT.operations():
        if "requestBody" in operation.value:
            for name, value in examples(operation["requestBody"]["content"]["application/json"]):
                yield pytest.param(operation, value, id=f"{operation_id} {name}")


def response_examples() -> Iterator[Any]:
    for operation_id, operation in CONTRACT.operations():
        for status, response in operation["responses"].items():
            for media_type, media in response.entries("content"):
                for name, value in examples(media):
                    yield pytest.param(media, value, id=f"{operation_id} {status} {media_type} {name}")


EXEMPLARY = ("artifacts", "flows", "service")  # the tags whose operations also have examples of errors
SAYS_NOTHING = {"schema": {"nullable": True}}  # null
WITHOUT = (  # without rows in the demo set
    "saved_searches.read_saved_searches request",
    "task_run_states.read_task_run_state 200",
    "task_run_states.read_task_run_states 200",
    "task_workers.read_task_workers request",
)


def test_every_request_and_response_has_an_example() -> None:
    missing = []
    for operation_id, operation in CONTRACT.operations():
        bodies = {"request": operation["requestBody"]} if "requestBody" in operation.value else {}
        for name, body in [*bodies.items(), *operation["responses"].items()]:
            if operation.value["tags"][0] in EXEMPLARY or name.startswith(("request", "2")):
                found = [media for _, media in body.entries("content") if media.value != SAYS_NOTHING]
                missing += [f"{operation_id} {name}" for media in found if not list(examples(media))]
    assert sorted(missing) == sorted(WITHOUT)


@pytest.fixture(scope="module")
def demo(keeping: Keeping) -> Iterator[httpx.Client]:
    with stand_in(own_folder() / "fixtures" / "demo", *keeping()) as client:
        yield client


NEEDS_MORE = {  # than the demo set has: a lease, and a block that results can be stored with
    "concurrency_limits_v2.renew_concurrency_lease": 410,
    "service.update_server_default_result_storage": 404,
}
FINDS_NOTHING_YET = ("flow_run_inputs.filter_flow_run_input", "events.read_events")  # the demo set has none


@pytest.mark.parametrize(("operation", "body"), list(request_examples()))
def test_request_example_is_accepted(demo: httpx.Client, operation: Place, body: Any) -> None:
    path, _, method = operation.path.removeprefix("/paths/").rpartition("/")
    for parameter in operation.each("parameters"):
        path = path.replace(f"{{{parameter.value['name']}}}", named(parameter.value))
    answer = demo.request(method, path, json=body)
    operation_id = operation.value["operationId"]
    assert answer.is_success or answer.status_code == NEEDS_MORE.get(operation_id), answer.text
    if path.endswith(("filter", "count", "paginate")) and operation_id not in FINDS_NOTHING_YET:
        assert answer.json() not in ([], 0), "an example should find something in the demo set"


@pytest.mark.parametrize(("media", "value"), list(response_examples()))
def test_response_example_matches_its_schema(media: Place, value: Any) -> None:
    assert_fits(media.value["schema"], value)


def test_example_of_a_read_is_the_response_on_the_demo_set() -> None:
    with stand_in(own_folder() / "fixtures" / "demo") as demo:
        for _, operation in CONTRACT.operations():
            path, _, method = operation.path.removeprefix("/paths/").rpartition("/")
            is_steady = not operation.value.get("x-issues-tokens")  # a token is different each time
            is_exemplary = operation.value["tags"][0] in EXEMPLARY
            if method == "get" and "200" in operation.value["responses"] and is_steady and is_exemplary:
                for parameter in operation.each("parameters"):
                    path = path.replace(f"{{{parameter.value['name']}}}", parameter.value["example"])
                media = operation["responses"]["200"]["content"]["application/json"]
                assert demo.get(path).json() == media["example"].value


def named(parameter: Mapping[str, Any]) -> str:
    """The value of a parameter in the first row of the demo set, or else its example."""
    table, _, field = parameter.get("x-names", "").partition(".")
    rows = own_folder() / "fixtures" / "demo" / f"{table}.jsonl"
    if not rows.exists():
        return str(parameter.get("example", ""))
    with rows.open(encoding="utf-8") as lines:
        return str(json.loads(next(lines))[field])


def assert_fits(schema: dict[str, Any], value: Any) -> None:
    whole = {"allOf": [schema], "components": CONTRACT.document["components"]}
    errors = [error.message for error in OAS30Validator(whole).iter_errors(value)]
    assert errors == [], value


# A real server finds nothing there where the row that the path names is missing.
FINDS_NOTHING = (
    "flow_run_inputs.filter_flow_run_input",
    "deployment_runs.schedule_deployment",
    "automations.read_automations_related_to_resource",
    "automations.delete_automations_owned_by_resource",
)


def test_every_operation_has_its_possible_errors() -> None:
    for operation_id, operation in CONTRACT.operations():
        names = {parameter.value["name"] for parameter in operation.each("parameters")}
        expected = set(SERVED_BY_EVERY_OPERATION)
        expected |= {"400"} if "x-prefect-api-version" in names else set()
        kinds = {parameter.value["in"] for parameter in operation.each("parameters")}
        expected |= {"422"} if "requestBody" in operation.value or "query" in kinds else set()
        errors = {status for status in operation.value["responses"] if status[0] in "45"}
        named = [each for each in operation.each("parameters") if each.value["in"] == "path"]
        words = all("enum" in each["schema"].value for each in named)
        assert words or operation_id in FINDS_NOTHING or errors & {"404", "410"}, operation_id
        # A body can refer to a missing row, too.
        assert expected <= errors <= expected | {"403", "404", "409", "410", "423"}, operation_id


def test_responses_match_the_contract(demo: httpx.Client) -> None:
    for path, schema in (
        ("/artifacts/filter", "Artifact"),
        ("/artifacts/latest/filter", "ArtifactCollection"),
        ("/flows/filter", "Flow"),
    ):
        rows = demo.post(path, json={}).json()
        assert rows
        for row in rows[:50]:
            assert_fits({"$ref": f"#/components/schemas/{schema}"}, row)


@pytest.mark.parametrize(
    ("unique", "field"),
    [
        ([("key",)], "key"),
        ([("key", "title"), ("title",)], "title"),
        ([("key", "title")], "name"),
        ([("number",)], "name"),
        ([], "name"),
    ],
)
def test_rows_are_referred_to_by_a_unique_field(unique: list[tuple[str, ...]], field: str) -> None:
    texts = {name: {"type": "string"} for name in ("key", "title", "name")}
    row = {"properties": {"number": {"type": "integer"}, **texts}}
    assert name_field(Contract.read(own_folder() / "openapi.yaml").place(row, "Row"), unique) == field


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects within a part of the contract."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(part)


def test_nullable_union_has_a_nullable_member() -> None:
    """OpenAPI 3.0 has `nullable` beside a `type` only."""
    unions = [each for each in objects(CONTRACT.document) if each.get("nullable") and "anyOf" in each]
    assert len(unions) > 1
    schemas = CONTRACT.document["components"]["schemas"]
    for union in unions:
        members = [schemas[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in union["anyOf"]]
        assert any(member.get("nullable") for member in members), union


def test_properties_beside_a_reference_do_not_replace_its_target() -> None:
    """Parsed schemas are cached by their paths, so two schemas must never have the same path."""
    schema = {"type": "object", "properties": {"size": {"type": "integer"}}}
    document = {
        "own": {"allOf": [{"$ref": "#/size"}], "properties": {"size": {"type": "string"}}},
        "same": {"allOf": [{"$ref": "#/size"}], "nullable": True},
        "size": schema,
    }
    places = Contract("c", document).root
    sizes = {name: validator(places[name], Reading.STRICT) for name in document}
    assert sizes["size"].validate_python({"size": 1}) == sizes["same"].validate_python({"size": 1}) == {"size": 1}
    assert sizes["own"].validate_python({"size": "1"}) == {"size": "1"}
    assert sizes["same"].validate_python(None) is None
    with pytest.raises(ValidationError):
        sizes["size"].validate_python(None)


# --------------------------------------------------------------------------- errors


Case = tuple[str, str, str]

ERRORS: dict[str, Case] = {
    "no YAML": ("openapi: 3.0.3", "openapi: [", "is not YAML"),
    "no such file": ("openapi/flows.yaml#", "openapi/no.yaml#", "openapi/no.yaml: cannot be read (No such file"),
    "a place that is not there": (
        "~1flows~1count",
        "~1flows~1counts",
        "~1flows~1counts` cannot be resolved",
    ),
    "a path that is not listed": (
        '  /flows/count: {$ref: "openapi/flows.yaml#/paths/~1flows~1count"}\n',
        "",
        "openapi/flows.yaml: paths//flows/count is not listed in openapi.yaml",
    ),
    "a component in two files": (
        "    FlowUpdate:\n",
        "    Detail: {}\n    FlowUpdate:\n",
        "components/schemas/Detail is in",
    ),
    "a planned operation without a path": (
        "They are answered with 501.\n{}\n",
        "They are answered with 501.\nPUT pets: pets.change_pets\n",
        "x-planned: `PUT pets: pets.",
    ),
    "an action without a text": (
        "      x-message: Flow not found\n",
        "",
        "`x-action` requires the `x-message` of the response 404",
    ),
    "an action without rows": (
        "      x-names: flows.name\n      example: monthly-close\n",
        "      example: monthly-close\n",
        "`x-action` requires a path whose parameters name rows of one table",
    ),
    "another version": ("openapi: 3.0.3", "openapi: 3.1.0", "must be OpenAPI 3.0"),
    "not valid": ("  /health:\n    get:", "  /health:\n    git:", "paths//health"),
    "an unknown reference": (
        "common.yaml#/components/schemas/IdIn}",
        "common.yaml#/components/schemas/NoSuch}",
        "`$ref: common.yaml#/components/schemas/NoSuch` cannot be resolved",
    ),
    "an unknown reference within a file": (
        '"#/components/schemas/Ids"',
        '"#/components/schemas/NoSuch"',
        "`$ref: #/components/schemas/NoSuch` cannot be resolved",
    ),
    "security": ("tags:\n  - name: artifacts", "security: []\ntags:\n  - name: artifacts", "`security` is not served"),
    "no handler": (
        "operationId: artifacts.update_artifact\n",
        "operationId: artifacts.no_such\n",
        "openapi/artifacts.yaml: paths//artifacts/{id}/patch: `operationId: artifacts.no_such` has no handler",
    ),
    "no module": (
        "operationId: artifacts.update_artifact\n",
        "operationId: nothing.read\n",
        "`operationId: nothing.read` has no handler",
    ),
    "a parameter too many": (
        "name: client\n",
        "name: other\n",
        "the handler service.create_csrf_token does not take other",
    ),
    "an unknown annotation": (
        "x-non-empty: true",
        "x-nonempty: true",
        "FlowRunFilterState/properties/type: unknown annotation `x-nonempty`; did you mean `x-non-empty`?",
    ),
    "an unknown operator": ("x-operator: any_", "x-operator: some_", "unknown operator `some_`"),
    "an unknown field": ("x-field: state_type", "x-field: state_kind", "`flow_runs` has no field `state_kind`"),
    "an unknown part of a field": ("x-field: created_by.id", "x-field: created_by.ib", "has no field `created_by.ib`"),
    "a path that leads nowhere": (
        "x-related: flow_run_id/flow_id",
        "x-related: flow_run_id/name",
        "`name` is not a reference",
    ),
    "a path to another table": (
        "x-related: flow_run_id/flow_id",
        "x-related: flow_run_id",
        "the filter is for `flows`, but the path leads to `flow_runs`",
    ),
    "a relation of an unknown table": ("x-references: task_runs", "x-references: tasks", "no table is named `tasks`"),
    "a delete that is not known": ("x-on-delete: set-null", "x-on-delete: keep", "`x-on-delete` takes"),
    "a first that is not there": (
        "x-first-of: [is_null_=true",
        "x-first-of: [is_nil_",
        "`x-first-of` has an unknown name or value `is_nil_`",
    ),
    "a sort of nothing": ("KEY_ASC: key}", "KEY_UP: key}", "`x-sorts` must have exactly the values"),
    "a sort by nothing": ("KEY_ASC: key}", "KEY_ASC: kea}", "`artifacts` has no field `kea`"),
    "a relation compared": (
        "x-related: flow_runs.parent_task_run_id\n      properties:\n        exists_: {",
        "x-related: flow_runs.parent_task_run_id\n      properties:\n        eq_: {",
        "`eq_` does not apply to a relation",
    ),
    "a bound without a sentence": (
        '        maximum: "Invalid limit',
        '        maximal: "Invalid limit',
        "components/schemas/Limit: `x-detail` requires exactly minimum and maximum",
    ),
    "a derived table without a rule": ("        per: key\n", "", "`x-derived` requires"),
    "a body of another kind": (
        'application/json:\n            schema: {$ref: "#/components/schemas/FlowUpdate"}',
        'text/csv:\n            schema: {$ref: "#/components/schemas/FlowUpdate"}',
        "only application/json is served",
    ),
    "no operation id": ("      operationId: flows.create_flow\n", "", "an operation requires an `operationId`"),
    "a unique field that is not there": (
        "x-unique: [[checksum, version]]",
        "x-unique: [[checksum, edition, copy]]",
        "`x-unique` has unknown fields: copy, edition",
    ),
    "a unique field of no list": ("x-unique: [[checksum, version]]", "x-unique: checksum", "takes lists of fields"),
    "a namespace that is no id": (
        "namespace: 6f1d5f7c-6a51-4a5c-9d3e-0d8f6c1b2a34",
        "namespace: artifacts",
        "`x-derived` requires from, per, newest, reference and a UUID as namespace (ValueError('badly formed",
    ),
    "a name of an unknown table": (
        "x-names: flows.name",
        "x-names: flow.name",
        "`x-names` takes TABLE.FIELD: no table is named `flow`; did you mean `flows`?",
    ),
    "a name by an unknown field": (
        "x-names: flows.name",
        "x-names: flows.nam",
        "`x-names` takes TABLE.FIELD: `flows` has no field `nam`; did you mean `name`?",
    ),
    "texts of an unknown field": (
        "x-texts-of: {automations.owner_resource: ",
        "x-texts-of: {automations.owner: ",
        "`x-texts-of` takes TABLE.FIELD: `automations` has no field `owner`",
    ),
    "texts without a prefix": (
        'x-texts-of: {automations.owner_resource: "",',
        "x-texts-of: {automations.owner_resource: 1,",
        "`x-texts-of` takes a prefix for each TABLE.FIELD, which can be empty",
    ),
    "a service without tables": (
        "  services.pauses: [flow_runs]\n",
        "  services.pauses: flow_runs\n",
        "`services.pauses: flow_runs` is not of the form `feeding: [pets]`",
    ),
    "a service of an unknown table": (
        "  services.pauses: [flow_runs]\n",
        "  services.pauses: [flow_run]\n",
        "no table is named `flow_run`; did you mean `flow_runs`?",
    ),
    "a stream without a path": (
        "  /events/in: events.stream_in\n",
        "  events/in: events.stream_in\n",
        "`events/in: events.stream_in` is not of the form `/pets/{name}: pets.stream_pet`",
    ),
    "changes of a table that nobody observes": (
        "      x-observed-by: server_events.rows.observe_artifacts\n",
        "",
        "`x-observes` requires an `x-observed-by` of the row schema of `artifact_collections`",
    ),
    "a selection that is required": (
        "    ArtifactPage:\n      required: false\n",
        "    ArtifactPage:\n      required: true\n",
        "a body with `x-selects` is required only if a name in it is; use `required: false`",
    ),
    "a list of nothing that is selected": (
        "      operationId: artifacts.update_artifact\n",
        "      operationId: artifacts.update_artifact\n      x-action: list\n",
        "`x-action` requires a body that selects rows (`x-selects`)",
    ),
    "labels without messages": (
        "          missing: Resources must include the prefect.resource.id label\n",
        "",
        "`x-labels` takes for each name the messages `missing` and `empty`",
    ),
    "a scenario of an unknown step": (
        "{send: 'GET /collections/views/{mark}'",
        "{sent: 'GET /collections/views/{mark}'",
        "`x-scenarios` takes for each name a list of requests with `send`, and with `body`, `headers`, `as`",
    ),
    "an existence at the end of a long way": (
        "x-related: flow_runs.parent_task_run_id\n      properties:\n        exists_: {",
        "x-related: flow_runs.parent_task_run_id/flow_id\n      properties:\n        exists_: {",
        "existence requires a path of one step",
    ),
}


RESOURCES = ("artifacts", "common", "flows", "service")


def copied(folder: Path) -> Path:
    """The API with all paths of a few resources, and with one of each other: to check all of them takes a second."""
    shutil.copytree(own_folder() / "handlers", folder / "handlers")
    for name in ("examples", "scenarios"):
        shutil.copytree(own_folder() / "openapi" / name, folder / "openapi" / name)
    entry = (own_folder() / "openapi.yaml").read_text(encoding="utf-8")
    for source in own_folder().glob("openapi/*.yaml"):
        text = source.read_text(encoding="utf-8")
        if source.stem not in RESOURCES:
            for path in re.findall("^  (/.*):$", text, re.MULTILINE)[1:]:
                text = re.sub(rf"^  {re.escape(path)}:\n(    .*\n|\n)+", "", text, flags=re.MULTILINE)
                entry = re.sub(rf"^  {re.escape(path)}: .*\n", "", entry, flags=re.MULTILINE)
        (folder / "openapi" / source.name).write_text(text, encoding="utf-8")
    (folder / "openapi.yaml").write_text(entry, encoding="utf-8")
    return folder


# Not checked at the start of a server with the bundled contract, but by `test_contract_is_valid`.
HARMLESS = {"not valid", "security"}


@pytest.mark.parametrize(
    ("name", "is_own"),
    [(name, is_own) for name in ERRORS for is_own in (False, True) if name not in HARMLESS or not is_own],
)
def test_error_is_reported_in_one_line_with_its_location(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, is_own: bool
) -> None:
    right, wrong, expected = ERRORS[name]
    if is_own:
        monkeypatch.setattr(api_folder, "own_folder", lambda: tmp_path)
    files = [copied(tmp_path) / "openapi.yaml", *sorted(tmp_path.glob("openapi/**/*.yaml"))]
    file, text = next((file, text) for file in files if right in (text := file.read_text(encoding="utf-8")))
    file.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(ContractError) as raised:
        Api.load(tmp_path).prepare()
    message = str(raised.value)
    assert expected in message
    assert str(tmp_path) in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["artifacts.py", "__init__.py"])
@pytest.mark.parametrize(
    ("text", "reason"), [("import no_such_module", "ModuleNotFoundError"), ("def (", "SyntaxError")]
)
def test_unimportable_handler_is_named(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (copied(tmp_path) / "handlers" / name).write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=rf"handlers/{name}: cannot be imported \({reason}: [^\n]+$"):
        Api.load(tmp_path)


@pytest.mark.parametrize("missing", ["openapi.yaml", "handlers"])
def test_folder_without_an_api_is_reported(tmp_path: Path, missing: str) -> None:
    path = copied(tmp_path) / missing
    path.rename(tmp_path / "away")
    with pytest.raises(ContractError, match=missing):
        Api.load(tmp_path)


def test_another_api_can_be_served(tmp_path: Path) -> None:
    """The engine does not depend on the bundled API."""
    (tmp_path / "handlers").mkdir()
    (tmp_path / "fixtures" / "demo").mkdir(parents=True)
    (tmp_path / "handlers" / "__init__.py").touch()
    (tmp_path / "handlers" / "pets.py").write_text(PETS_HANDLERS, encoding="utf-8")
    (tmp_path / "openapi.yaml").write_text(yaml.safe_dump(PETS), encoding="utf-8")
    row = {"id": "00000000-0000-4000-8000-000000000001", "name": "Rex"}
    (tmp_path / "fixtures" / "demo" / "pets.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with stand_in(tmp_path / "fixtures" / "demo", "--api", str(tmp_path)) as client:
        assert client.post("/pets/filter", json={"pets": {"name": {"like_": "re"}}}).json() == [row]


PETS_HANDLERS = """
def filter(workspace, criteria, sort, limit):
    return workspace.page("pets", criteria, sort, limit)
"""
PETS: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "/v1", "x-environment-variable": "PETS_URL"}],
    "paths": {
        "/pets/filter": {
            "post": {
                "operationId": "pets.filter",
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "x-selects": "pets",
                                "properties": {
                                    "pets": {"$ref": "#/components/schemas/PetFilter"},
                                    "sort": {"type": "string", "enum": ["A"], "x-sorts": {"A": "name"}, "default": "A"},
                                    "limit": {"type": "integer", "default": 9},
                                },
                            }
                        }
                    }
                },
                "responses": {"200": {"description": "Pets."}},
            }
        }
    },
    "components": {
        "schemas": {
            "Pet": {
                "type": "object",
                "x-table": "pets",
                "properties": {"id": {"type": "string", "format": "uuid"}, "name": {"type": "string"}},
            },
            "PetFilter": {
                "type": "object",
                "x-filters": "pets",
                "properties": {"name": {"type": "object", "properties": {"like_": {"type": "string"}}}},
            },
        }
    },
}


def references(value: Any) -> Iterator[Any]:
    """The values of all keys `$ref` in a document, wherever they are."""
    if isinstance(value, dict):
        yield from (part for name, part in value.items() if name == "$ref")
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from references(part)


def test_every_reference_is_valid() -> None:
    """Other tools that read the files follow any `$ref`, also those in examples and annotations."""
    folder = own_folder()
    paths = [folder / "openapi.yaml", *(folder / "openapi").rglob("*.yaml")]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = {path.resolve(): yaml.load(path.read_text(encoding="utf-8"), loader) for path in paths}
    for path, document in documents.items():
        for reference in references(document):
            assert isinstance(reference, str), f"{path}: {reference}"
            file, _, pointer = reference.partition("#")
            target = documents[(path.parent / file).resolve()] if file else document
            for step in filter(None, pointer.split("/")):
                assert step.replace("~1", "/") in target, f"{path}: {reference}"
                target = target[step.replace("~1", "/")]
