"""Mutants that only a sequence of writes can show: values that are cached, left behind, lost or named differently."""

import asyncio
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.mutants.behaviours import about, when
from tests.mutants.exchange import Answer, Request
from tests.mutants.generated.allowed_values import AllowedValues
from tests.mutants.generated.changed_tables import ChangedTables
from tests.mutants.generated.vocabulary import mutant, operation_of
from tests.mutants.known.rows import done
from tests.mutants.mutant import Behaviour, BrokenServer, Mutant
from understudy.contract.catalog import Catalog
from understudy.verify.requests.endpoint import Endpoint, schema_of, success_of
from understudy.verify.requests.endpoint_map import EndpointMap, Lookup, Selection

PAUSE = 0.03  # seconds between reading and writing
STAMPS = ("id", "created", "updated")  # what a derived row does not take from its source


def mutants(endpoint_map: EndpointMap) -> Iterator[Mutant]:
    yield from memories(endpoint_map)
    for table, creates in endpoint_map.creates.items():
        yield from lives(endpoint_map, table, creates)
    for lookup in endpoint_map.updates.values():
        label, operation = lookup.endpoint.label, operation_of(lookup.endpoint)
        skips = when(lambda request: request.json == {}, about(operation, nothing_done))
        if len(schema_of(lookup.endpoint)["properties"].value) > 1:
            yield mutant(f"{label}:lost", f"{label}: of changes at the same time, one is lost.", loses(lookup))
        yield mutant(f"{label}:empty", f"{label}: an empty change is not made.", skips)
    for lookup in endpoint_map.deletes.values():
        label, operation = lookup.endpoint.label, operation_of(lookup.endpoint)
        yield mutant(f"{label}:not", f"{label}: does nothing.", about(operation, nothing_done))


def memories(endpoint_map: EndpointMap) -> Iterator[Mutant]:
    kinds = changes_of(endpoint_map)
    changed = ChangedTables(endpoint_map, Catalog.of(endpoint_map.endpoints[0].place.contract))
    noticeable: Mapping[str, Callable[[Endpoint], bool]] = {
        "POST": changed.by_creates,
        "PATCH": lambda endpoint: changed.by_updates(endpoint, kinds["PATCH"]),
        "DELETE": changed.by_others,
    }
    for endpoint in endpoint_map.endpoints:
        if endpoint.is_safe and (endpoint.body is not None or "{" in endpoint.path):
            for kind in (kind for kind, is_noticeable in noticeable.items() if is_noticeable(endpoint)):
                noticed = "|".join(operation_of(each) for other in kinds if other != kind for each in kinds[other])
                says = f"{endpoint.label}: an answer is remembered until another change than {kind}."
                yield mutant(f"{endpoint.label}:remembered-{kind}", says, remembers(operation_of(endpoint), noticed))


def changes_of(endpoint_map: EndpointMap) -> Mapping[str, Sequence[Endpoint]]:
    """The operations that change rows: creates, updates of the rows that paths name, and all others."""
    kinds: dict[str, list[Endpoint]] = {"POST": [], "PATCH": [], "DELETE": []}
    for endpoint in endpoint_map.endpoints:
        if not endpoint.is_safe:
            created = endpoint in endpoint_map.creates.values()
            kind = "POST" if created else "DELETE" if endpoint.method in ("POST", "DELETE") else "PATCH"
            kinds[kind].append(endpoint)
    return kinds


def remembers(queries: str, noticed: str) -> Behaviour:
    """The response to a request is cached; one kind of change does not invalidate it."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        if request.is_a(noticed):
            broken.memory.clear()
        if not request.is_a(queries):
            return await broken.ask(request)
        key = request.method, request.path, request.body, tuple(request.headers.raw)
        remembered: Answer | None = broken.memory.get(key)
        if remembered is None:
            remembered = await broken.ask(request)
            if remembered.is_success:
                broken.memory[key] = remembered
        return remembered

    return behave


async def nothing_done(request: Request, broken: BrokenServer) -> Answer:
    """Success if the row exists, but no change."""
    answer = await broken.ask(request.to("GET", request.path))
    return done(answer) if answer.is_success else await broken.ask(request)


def loses(lookup: Lookup) -> Behaviour:
    """A change reads the row, waits, and writes all of it."""
    fields = list(dict((lookup.endpoint.body or lookup.endpoint.place)["properties"].items()))

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        before = await broken.ask(request.to("GET", request.path))
        if not before.is_success:
            return await broken.ask(request)
        await asyncio.sleep(PAUSE)
        stale = {name: value for name, value in before.json.items() if name in fields}
        return await broken.ask(request.changed(lambda body: {**stale, **body}) if request.json else request)

    return about(operation_of(lookup.endpoint), behave)


def lives(endpoint_map: EndpointMap, table: str, creates: Endpoint) -> Iterator[Mutant]:
    selection = endpoint_map.selections.get(table)
    parts = dict(success_of(creates)["properties"].items())
    written = dict(schema_of(creates).entries("properties"))
    for name in (name for name in parts if name in written):
        if parts[name].value.get("x-unique") and selection is not None:
            allowed = AllowedValues(written[name])
            for kind, way, same in SPELLINGS:
                if allowed.confuse(same):
                    says = f"{creates.label}: names that {way} are one."
                    yield mutant(f"{creates.label}:{name}:{kind}", says, finds(creates, selection, name, same))
            taken = stays_taken(endpoint_map, table, creates, name)
            yield mutant(
                f"{creates.label}:{name}:taken", f"{creates.label}: the name of a deleted row is taken.", taken
            )
    for other in endpoint_map.selections.values():
        yield from derived(endpoint_map, table, other)


SPELLINGS: list[tuple[str, str, Callable[[str], str]]] = [
    ("case", "differ in case", str.casefold),
    ("space", "differ in outer spaces", str.strip),
    ("form", "differ in Unicode form", lambda text: unicodedata.normalize("NFC", text)),
    ("width", "differ in Unicode compatibility", lambda text: unicodedata.normalize("NFKC", text)),
    ("start", "have the same first 100 characters", lambda text: text[:100]),
]


def finds(creates: Endpoint, selection: Selection, name: str, same: Callable[[str], str]) -> Behaviour:
    async def behave(request: Request, broken: BrokenServer) -> Answer:
        value = request.json.get(name)
        if isinstance(value, str):
            listed = await broken.ask(request.to("POST", selection.lists.path))
            names = [row[name] for row in listed.json]
            found = next((each for each in names if same(each) == same(value)), value)
            request = request.changed(lambda body: {**body, name: found})
        return await broken.ask(request)

    return about(operation_of(creates), behave)


def stays_taken(endpoint_map: EndpointMap, table: str, creates: Endpoint, name: str) -> Behaviour:
    deletes = operation_of(endpoint_map.deletes[table].endpoint)

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        if request.is_a(deletes):
            row = await broken.ask(request.to("GET", request.path))
            if row.is_success:
                broken.memory[row.json[name]] = True
        if request.is_a(operation_of(creates)) and request.json.get(name) in list(broken.memory):
            return await broken.ask(request.changed(lambda body: {}))
        return await broken.ask(request)

    return behave


def derived(endpoint_map: EndpointMap, table: str, selection: Selection) -> Iterator[Mutant]:
    """A derived table that is not updated with the rows that it is derived from."""
    rule = success_of(selection.lists)["items"].value.get("x-derived")
    if rule is not None and rule["from"] == table:
        label = selection.lists.label
        none, oldest = (
            falls(endpoint_map, selection, rule, choose) for choose in (lambda _: None, lambda left: left[0])
        )
        yield mutant(f"{label}:falls-to-none", "After the latest of a key is deleted, the key has none.", none)
        yield mutant(f"{label}:falls-to-oldest", "After the latest of a key is deleted, the oldest is it.", oldest)


def falls(endpoint_map: EndpointMap, selection: Selection, rule: Any, choose: Callable[[list[Any]], Any]) -> Behaviour:
    """After the latest row of a key was deleted, another is shown as its latest; or none."""
    source, key, reference = endpoint_map.selections[rule["from"]], rule["per"], rule["reference"]
    deletes, lists = operation_of(endpoint_map.deletes[source.table].endpoint), operation_of(selection.lists)
    reads = "|".join(operation_of(each.endpoint) for each in endpoint_map.reads if each.table == selection.table)

    async def latest(request: Request, broken: BrokenServer) -> Any:
        """The row that a request deletes, if it is the latest of its key."""
        row = await broken.ask(request.to("GET", request.path))
        body = {selection.own: {reference: {"any_": [request.path.rpartition("/")[2]]}}}
        listed = await broken.ask(request.to("POST", selection.lists.path, body))
        return row.json if row.is_success and listed.json else None

    def shown(row: Any, broken: BrokenServer) -> list[Any]:
        other = broken.memory.get(row[key], row)
        if other is None:
            return []
        taken = {name: other[name] for name in row if name in other and name not in STAMPS}
        return [{**row, **taken, **({reference: other["id"]} if reference in row and other is not row else {})}]

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        row = await latest(request, broken) if request.is_a(deletes) else None
        answer = await broken.ask(request)
        if row is not None:
            body = {source.own: {key: {"any_": [row[key]]}}}
            left = (await broken.ask(request.to("POST", source.lists.path, body))).json
            if left:
                broken.memory[row[key]] = choose(sorted(left, key=lambda each: str(each[rule["newest"]])))
        if answer.is_success and request.is_a(lists):
            return answer.changed(lambda found: [other for each in found for other in shown(each, broken)])
        if answer.is_success and reads and request.is_a(reads):
            other = shown(answer.json, broken)
            return answer.saying(other[0]) if other else answer.saying({"detail": "Not found."}, 404)
        return answer

    return behave
