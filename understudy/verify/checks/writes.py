"""Rows of the run, created, changed and deleted in certain orders."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from understudy.contract.contract import Place
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.checks import concurrent_requests, invalid_requests, sequences
from understudy.verify.checks.row_lifecycle import RowLifecycle
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.created_rows import LONG, value_for
from understudy.verify.requests.endpoint import Endpoint, schema_of
from understudy.verify.requests.endpoint_map import Lookup
from understudy.verify.requests.invalid_bodies import invalid_bodies
from understudy.verify.requests.plain_values import LONGEST_TEXT

Scenario = Callable[[RowLifecycle], object]

INVALID = 25  # the maximum number of invalid bodies for each operation
FORMED = {"format", "pattern", "enum"}  # keywords that restrict texts
VARIED = 4  # texts for the rows that are created before anything is read
BEYOND = 2**53 + 1  # an integer that floats cannot represent
UNUSUAL = [  # values where any value is allowed
    2.0,
    True,
    "text",
    [1.0, {"a": None}],
    None,
    '[{"a": 1, "b": [2.0, null]}]',
    '{"a": "b"}',
    '"quoted"',
    "null",
    " 7 ",
    BEYOND,
    -BEYOND,
    {"whole": 1.0, "beyond": BEYOND, "deep": [[1.0, 1, True, None, ""], [], {}], "UPPER": None, "z": 1, "a": 2},
]
TEXTS = [  # texts that servers often handle wrongly; none of them is ASCII, or it is more than its words
    "ÄÖÜ äöü ß É é 漢字 😀 ñ " * 70,
    "e\u0301 and \u00e9 are alike",
    " outer spaces\u00a0 ",
    "UPPER and lower",
    "two\nlines\tand\r\nmore",
    '[{"a": 1}]',
    "'quotes\" \\ and {braces}",
    "",
]


def check(context: CheckContext, subject: TableUnderTest) -> None:
    """Run all scenarios of one table."""
    for scenario in SCENARIOS.values():
        run(context, subject, scenario)


def run(context: CheckContext, subject: TableUnderTest, scenario: Scenario) -> None:
    """Run one scenario, with the current rows."""
    lifecycle = RowLifecycle(context, subject)
    lifecycle.look_again()
    with context.results.scenario():
        scenario(lifecycle)


def create_varied_rows(context: CheckContext, subject: TableUnderTest) -> None:
    """Create rows of all kinds, for the checks that only read."""
    lifecycle = RowLifecycle(context, subject)
    varied = (textual(schema_of(lifecycle.creates), full(lifecycle), text) for text in TEXTS[:VARIED])
    for body in (full(lifecycle), full(lifecycle), sparse(lifecycle), nulls(lifecycle), *varied):
        lifecycle.check_create(body)


# ------------------------------------------------------------------- scenarios


def check_name_reuse(lifecycle: RowLifecycle) -> None:
    """Create, change and delete rows that share all values that can be shared, and use the name of one again.

    One is changed while it is the newest of its name, which derived rows show, and once more when others are newer.
    """
    first = lifecycle.create(full(lifecycle))
    if first is None:
        return
    if lifecycle.updates is not None:
        lifecycle.update(lifecycle.updates, first, every_change(lifecycle, lifecycle.updates))
    shared = {name: lifecycle.row(first)[name] for name in lifecycle.names}
    alike = {} if lifecycle.is_unique else shared
    if lifecycle.is_unique:
        lifecycle.find({**full(lifecycle), **shared}, first)
    others = [lifecycle.create({**body, **alike}) for body in (full(lifecycle), sparse(lifecycle))]
    others.append(lifecycle.create(nulls(lifecycle)))
    if lifecycle.updates is not None:
        lifecycle.update(lifecycle.updates, first, {})
        lifecycle.update(lifecycle.updates, first, every_change(lifecycle, lifecycle.updates))
    for row_id in filter(None, (*others, first)):
        lifecycle.delete(row_id)
    again = lifecycle.create({**full(lifecycle), **shared})
    if again is not None:
        lifecycle.delete(again)


def refuse_all(lifecycle: RowLifecycle) -> None:
    """Check that invalid requests to create and to change a row are refused."""
    refuse(lifecycle, lifecycle.creates, full(lifecycle))
    if lifecycle.updates is not None and (row_id := lifecycle.create(full(lifecycle))) is not None:
        refuse(lifecycle, lifecycle.updates.endpoint, {}, **{lifecycle.updates.parameter: row_id})
        lifecycle.delete(row_id)


def change_fields(lifecycle: RowLifecycle) -> None:
    """Change each field of two rows of one name, alone."""
    if lifecycle.updates is None:
        return
    body = full(lifecycle)
    shared = {} if lifecycle.is_unique else {name: body[name] for name in lifecycle.names}
    ids = [lifecycle.create(body), lifecycle.create({**full(lifecycle), **shared})]
    for row_id in filter(None, ids):
        for change in changes(lifecycle, lifecycle.updates):
            lifecycle.update(lifecycle.updates, row_id, change, by_filters=row_id == ids[0])
    lifecycle.delete_all(list(filter(None, ids)))


def store_names(lifecycle: RowLifecycle) -> None:
    """Check that similar names are different names."""
    lifecycle.delete_all(lifecycle.create_all({**full(lifecycle), name: value} for name, value in spellings(lifecycle)))


def store_texts(lifecycle: RowLifecycle) -> None:
    """Check that long texts, and texts that servers often handle wrongly, are stored unchanged."""
    schema = schema_of(lifecycle.creates)
    varied = (textual(schema, full(lifecycle), text) for text in TEXTS)
    ids = lifecycle.create_all((long(lifecycle), *varied))
    if lifecycle.updates is not None and ids:
        usual = every_change(lifecycle, lifecycle.updates)
        for text in TEXTS:
            body = textual(schema_of(lifecycle.updates.endpoint), usual, text)
            lifecycle.update(lifecycle.updates, ids[0], body)
    lifecycle.delete_all(ids)


def store_values(lifecycle: RowLifecycle) -> None:
    """Check that JSON values of all types are stored unchanged where any value is allowed."""
    ids = lifecycle.create_all(unusual(lifecycle))
    if lifecycle.updates is not None and ids:
        for name, part in schema_of(lifecycle.updates.endpoint).entries("properties"):
            for value in UNUSUAL if "type" not in part.value else ():
                lifecycle.update(lifecycle.updates, ids[0], {name: value})
    lifecycle.delete_all(ids)


def delete_by_filter(lifecycle: RowLifecycle) -> None:
    """Delete rows by a filter on their names."""
    if (removes := lifecycle.subject.selection.removes) is not None:
        lifecycle.remove_all(removes, [full(lifecycle) for _ in range(3)])


def refuse(lifecycle: RowLifecycle, endpoint: Endpoint, sound: dict[str, Any], **values: str) -> None:
    """Check that bodies with one invalid part are refused."""
    bodies = list(invalid_bodies(schema_of(endpoint), sound))
    for each in lifecycle.context.random.sample(bodies, k=min(INVALID, len(bodies))):
        request, raw = endpoint.request(each.body, **values), json.dumps(each.body).encode()
        check = partial(invalid_requests.is_as_read, lifecycle.context, endpoint, request, raw, each.way)
        lifecycle.context.results.hold(rules.INVALID_REQUEST, endpoint.label, each.subject, check)
    lifecycle.look_again()


# ---------------------------------------------------------------------- bodies


def full(lifecycle: RowLifecycle) -> dict[str, Any]:
    """A body with a value for every field."""
    mark = lifecycle.own.mark()
    return {name: value_for(part, mark) for name, part in schema_of(lifecycle.creates).entries("properties")}


def sparse(lifecycle: RowLifecycle) -> dict[str, Any]:
    """A body with the required fields only."""
    required = schema_of(lifecycle.creates).value.get("required", [])
    return {name: value for name, value in full(lifecycle).items() if name in required}


def nulls(lifecycle: RowLifecycle) -> dict[str, Any]:
    """A body with null for every field that can be null."""
    parts = dict(schema_of(lifecycle.creates).entries("properties"))
    return {name: None if parts[name].value.get("nullable") else value for name, value in full(lifecycle).items()}


def long(lifecycle: RowLifecycle) -> dict[str, Any]:
    """A body with long texts, wherever any text is allowed."""
    parts = schema_of(lifecycle.creates).entries("properties")
    free = [
        name for name, part in parts if part.value.get("type", "string") == "string" and not FORMED & part.value.keys()
    ]
    return {**full(lifecycle), **dict.fromkeys(free, LONGEST_TEXT)}


def unusual(lifecycle: RowLifecycle) -> Iterator[dict[str, Any]]:
    """Bodies that each have one unusual value where any value is allowed."""
    free = [name for name, part in schema_of(lifecycle.creates).entries("properties") if "type" not in part.value]
    for name in free:
        yield from ({**sparse(lifecycle), name: value} for value in UNUSUAL)


def textual(schema: Place, body: dict[str, Any], text: str) -> dict[str, Any]:
    """A body with a text wherever one is allowed, after the mark if it is a name."""
    return {name: textual_value(part, body[name], text) for name, part in schema.entries("properties") if name in body}


def textual_value(place: Place, value: Any, text: str) -> Any:
    schema = place.value
    match schema.get("type"):
        case "string" if "pattern" in schema:
            is_name = text.isprintable() and re.search(schema["pattern"], f"{value}{text}")
            return f"{value}{text}" if is_name else value
        case "string" if not FORMED & schema.keys():
            return text
        case "array" if place["items"].value.get("type") == "string" and not FORMED & place["items"].value.keys():
            return [*value, text, "b", "a", text, *(f"{number}" for number in range(12))]
        case "object":
            return {**value, text: text, "text": text}
        case None:
            return text
    return value


def spellings(lifecycle: RowLifecycle) -> Iterator[tuple[str, str]]:
    """Names that look alike to people but are different, as far as the contract allows them."""
    for name, part in schema_of(lifecycle.creates).entries("properties"):
        if name not in lifecycle.names or part.value.get("type") != "string":
            continue
        mark = lifecycle.own.mark()
        texts = [
            f"{mark} \u00e9 \ufb01 Name",
            f"{mark} e\u0301 \ufb01 Name",
            f"{mark} \u00e9 fi Name",
            f" {mark} \u00e9 \ufb01 Name",
            f"{mark} \u00e9 \ufb01 Name ",
        ]
        texts += [texts[0].upper(), texts[0].lower(), texts[0].swapcase()]
        texts += [mark, f"{mark}-", *(f"{mark}-{'x' * LONG}{end}" for end in "ab")]
        pattern = part.value.get("pattern", "")
        yield from ((name, text) for text in texts if re.search(pattern, text))


def every_change(lifecycle: RowLifecycle, updates: Lookup) -> dict[str, Any]:
    """A body that changes every field."""
    mark = lifecycle.own.mark()
    return {name: value_for(part, mark) for name, part in schema_of(updates.endpoint).entries("properties")}


def changes(lifecycle: RowLifecycle, updates: Lookup) -> Iterator[dict[str, Any]]:
    """Bodies that each change one field, or set it to null if possible."""
    parts = dict(schema_of(updates.endpoint).entries("properties"))
    for name, part in parts.items():
        yield {name: value_for(part, lifecycle.own.mark())}
    for name, part in parts.items():
        if part.value.get("nullable"):
            yield {name: None}


SCENARIOS: Mapping[str, Scenario] = {
    "rows created, changed and deleted": check_name_reuse,
    "rows of one name deleted newest first": partial(sequences.check, full=full, orders=[sequences.NEWEST_FIRST]),
    "lists, pages and counts after each write": partial(sequences.watch, full=full),
    "invalid requests": refuse_all,
    "each field changed alone": change_fields,
    "rows deleted by a filter": delete_by_filter,
    "names that are alike": store_names,
    "rows of one name deleted oldest first": partial(sequences.check, full=full, orders=[sequences.OLDEST_FIRST]),
    "requests at the same time": partial(concurrent_requests.check, full=full),
    "JSON values of all types": store_values,
    "unusual texts": store_texts,
    "rows of one name deleted in other orders": partial(sequences.check, full=full, orders=sequences.OTHER_ORDERS),
}
"""The scenarios for the rows of a table, the most important first."""
