"""Rows of the run's own, created, changed and deleted in an order that matters."""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from understudy.contract.contract import Place
from understudy.verify import rules
from understudy.verify.check_context import Inspection
from understudy.verify.checks import invalid_requests, sequences, together
from understudy.verify.checks.row_lifecycle import Life
from understudy.verify.filtered_rows.table_under_test import Subject
from understudy.verify.requests.created_rows import LONG, value_for
from understudy.verify.requests.endpoints import Endpoint, Lookup, schema_of
from understudy.verify.requests.invalid_bodies import spoiled

SPOILED = 25  # bodies for each operation that must be refused
FORMED = {"format", "pattern", "enum"}  # what says which texts may stand there
SOWN = 4  # texts that rows have which are made before anything is read
LONG_TEXT = "understudy-verify " * 200
BEYOND = 2**53 + 1  # an integer that no float is
ODD = [  # values where anything may stand
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
TEXTS = [  # texts that servers mistake; none of them is ASCII, or it is more than its words
    "ÄÖÜ äöü ß É é 漢字 😀 ñ " * 70,
    "e\u0301 and \u00e9 are alike",
    " outer spaces\u00a0 ",
    "UPPER and lower",
    "two\nlines\tand\r\nmore",
    '[{"a": 1}]',
    "'quotes\" \\ and {braces}",
    "",
]


def check(inspection: Inspection, subject: Subject) -> None:
    """Live the lives of some rows of one table, and hold all rules about writes meanwhile."""
    life = Life(inspection, subject)
    life.look_again()
    inspection.ledger.begin()
    sequences.check(life, full)
    together.check(life, full)
    inspection.ledger.begin()
    first = life.create(full(life))
    if first is not None:
        refuse(life, life.creates, full(life))
        live(life, first)
    inspection.ledger.begin()
    if subject.selection.removes is not None:
        life.remove_all(subject.selection.removes, [full(life) for _ in range(3)])
    inspection.ledger.end()


def sow(inspection: Inspection, subject: Subject) -> None:
    """Create rows of all kinds, for the checks that change nothing to find."""
    life = Life(inspection, subject)
    varied = (textual(schema_of(life.creates), full(life), text) for text in TEXTS[:SOWN])
    for body in (full(life), full(life), sparse(life), nulls(life), *varied):
        inspection.success(life.creates, life.creates.request(body))


def live(life: Life, first: str) -> None:
    """Rows beside `first` that share what may be shared; each is changed, and deleted newest first but one."""
    shared = {name: life.row(first)[name] for name in life.names}
    if life.is_unique:
        life.find({**full(life), **shared}, first)
    others = [life.create({**full(life), **({} if life.is_unique else shared)}) for _ in range(2)]
    alike = {} if life.is_unique else shared
    others += [life.create(body) for body in ({**sparse(life), **alike}, nulls(life), long(life), *odd(life))]
    others += [life.create(textual(schema_of(life.creates), full(life), text)) for text in TEXTS]
    others += [life.create({**full(life), name: value}) for name, value in spellings(life)]
    if life.updates is not None:
        refuse(life, life.updates.endpoint, {}, **{life.updates.parameter: first})
        for row_id in filter(None, (first, others[1])):
            for body in changes(life, life.updates):
                life.update(life.updates, row_id, body)
    for row_id in filter(None, (others[0], others[1], first)):
        life.delete(row_id)
    life.delete_all(list(filter(None, others[2:])))
    again = life.create({**full(life), **shared})
    if again is not None:
        life.delete(again)


def refuse(life: Life, endpoint: Endpoint, sound: dict[str, Any], **values: str) -> None:
    """Hold that bodies with one thing wrong are refused."""
    bodies = list(spoiled(schema_of(endpoint), sound))
    for each in life.inspection.random.sample(bodies, k=min(SPOILED, len(bodies))):
        request, raw = endpoint.request(each.body, **values), json.dumps(each.body).encode()
        check = partial(invalid_requests.is_as_read, life.inspection, endpoint, request, raw, each.way)
        life.inspection.ledger.hold(rules.REFUSED, endpoint.label, ".".join(each.way), check)
    life.look_again()


# ---------------------------------------------------------------------- bodies


def full(life: Life) -> dict[str, Any]:
    """A body that says something of every field."""
    mark = life.own.mark()
    return {name: value_for(part, mark) for name, part in schema_of(life.creates).entries("properties")}


def sparse(life: Life) -> dict[str, Any]:
    """A body of what is required."""
    required = schema_of(life.creates).value.get("required", [])
    return {name: value for name, value in full(life).items() if name in required}


def nulls(life: Life) -> dict[str, Any]:
    """A body in which all is null that may be."""
    parts = dict(schema_of(life.creates).entries("properties"))
    return {name: None if parts[name].value.get("nullable") else value for name, value in full(life).items()}


def long(life: Life) -> dict[str, Any]:
    """A body with long texts, wherever any text may stand."""
    parts = schema_of(life.creates).entries("properties")
    free = [
        name for name, part in parts if part.value.get("type", "string") == "string" and not FORMED & part.value.keys()
    ]
    return {**full(life), **dict.fromkeys(free, LONG_TEXT)}


def odd(life: Life) -> Iterator[dict[str, Any]]:
    """Bodies with one odd value after the other where anything may stand."""
    free = [name for name, part in schema_of(life.creates).entries("properties") if "type" not in part.value]
    for name in free:
        yield from ({**sparse(life), name: value} for value in ODD)


def textual(schema: Place, body: dict[str, Any], text: str) -> dict[str, Any]:
    """A body with a text wherever it may stand, behind the mark where that is a name."""
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


def spellings(life: Life) -> Iterator[tuple[str, str]]:
    """Names that are alike to people, and others to the API, as far as the contract lets them be names."""
    for name, part in schema_of(life.creates).entries("properties"):
        if name not in life.names or part.value.get("type") != "string":
            continue
        mark = life.own.mark()
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


def changes(life: Life, updates: Lookup) -> Iterator[dict[str, Any]]:
    """Bodies that change nothing, everything, one field after the other, and clear what can be."""
    parts = dict(schema_of(updates.endpoint).entries("properties"))
    mark = life.own.mark()
    yield {}
    yield {name: value_for(part, mark) for name, part in parts.items()}
    for name, part in parts.items():
        yield {name: value_for(part, life.own.mark())}
    for name, part in parts.items():
        if part.value.get("nullable"):
            yield {name: None}
        if "type" not in part.value:
            yield from ({name: value} for value in ODD)
    usual = {name: value_for(part, mark) for name, part in parts.items()}
    yield from (textual(schema_of(updates.endpoint), usual, text) for text in TEXTS)
