"""A mutant for each operator of each filter: ignored, or interpreted differently."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from tests.mutants.behaviours import reads_with, shows_where
from tests.mutants.generated.allowed_values import AllowedValues
from tests.mutants.generated.vocabulary import mutant, paths_of
from tests.mutants.known.texts import meets
from tests.mutants.mutant import Behaviour, Mutant
from tests.mutants.paths import GONE, at, drop, given, of
from understudy.contract.contract import Place
from understudy.values import moment
from understudy.verify.requests.endpoint import schema_of, success_of
from understudy.verify.requests.endpoint_map import EndpointMap, Selection
from understudy.verify.requests.field_operators import FieldOperator, field_operators_of
from understudy.verify.requests.operands import spelled

MANY = 100
STEP = timedelta(microseconds=1)


def mutants(endpoint_map: EndpointMap) -> Iterator[Mutant]:
    for selection in endpoint_map.selections.values():
        field_operators = [
            field_operator for field_operator in field_operators_of(selection) if not field_operator.is_ignored
        ]
        for field_operator in field_operators:
            texts = own_texts(selection, field_operator, written(endpoint_map, selection))
            for name, says, behaviour in (*anywhere(selection, field_operator), *texts):
                yield mutant(
                    f"{selection.table}:{field_operator.subject}:{name}",
                    f"`{field_operator.subject}`: {says}",
                    behaviour,
                )
        yield from combined(selection)


def anywhere(selection: Selection, field_operator: FieldOperator) -> Iterator[tuple[str, str, Behaviour]]:
    """Other interpretations of an operand, by the kind of operator."""

    def reads(change: Callable[[Any], Any]) -> Behaviour:
        return reads_with(paths_of(selection), at(re.escape(field_operator.subject), change))

    kind = field_operator.place.value["type"]
    yield "ignored", "is ignored", reads(lambda _: GONE)
    if kind == "array":
        yield "first", "only the first value counts", reads(of(list, lambda values: values[:1]))
        yield "last", "only the last value counts", reads(of(list, lambda values: values[-1:]))
        yield "many", f"values after the first {MANY} are ignored", reads(of(list, lambda values: values[:MANY]))
    elif kind == "boolean":
        yield "not", "true and false are exchanged", reads(of(bool, lambda flag: not flag))
    elif field_operator.place.value.get("format") == "date-time":
        less = -STEP if field_operator.operator == "before_" else STEP
        yield "open", "the bound itself is left out", reads(of(str, partial(shifted, less)))
        yield "local", "offsets are ignored", reads(of(str, lambda text: re.sub(r"[+-]\d\d:\d\d$", "Z", text)))
    elif field_operator.operator == "like_":
        yield "trimmed", "outer spaces and dashes count for nothing", reads(of(str, lambda text: text.strip(" -")))
        yield "percent", "a percent sign at an end is dropped", reads(of(str, lambda text: text.replace("%", "")))


def written(endpoint_map: EndpointMap, selection: Selection) -> Mapping[str, Place]:
    """The fields that the creates of a table set, or of the one that it is derived from."""
    table = success_of(selection.lists)["items"].value.get("x-derived", {}).get("from", selection.table)
    creates = endpoint_map.creates.get(table)
    return {} if creates is None else dict(schema_of(creates).entries("properties"))


def own_texts(
    selection: Selection, field_operator: FieldOperator, written: Mapping[str, Place]
) -> Iterator[tuple[str, str, Behaviour]]:
    """Other interpretations of a text that rows show.

    Args:
        selection: the operations.
        field_operator: what the text is compared by.
        written: the fields that a body can set.
    """
    if field_operator.filter != selection.own or len(field_operator.fields) != 1 or "." in field_operator.fields[0]:
        return
    field, resource = field_operator.fields[0], selection.lists.path.rpartition("/")[0]

    def keeps(test: Callable[[Any, Any], bool]) -> Behaviour:
        place = re.escape(field_operator.subject)
        return shows_where(resource, place, lambda row, operand: test(row.get(field), operand), drop(place))

    if field_operator.operator == "like_":
        if field not in written or AllowedValues(written[field]).show(ascii_only):
            yield (
                "unicode",
                "letters that are not ASCII match in either case",
                keeps(lambda text, pattern: text is not None and meets(pattern.casefold(), text.casefold())),
            )
        yield "cased", "upper and lower case differ", keeps(lambda text, pattern: meets(pattern, text, flags=0))
        yield "begin", "must stand at the beginning", keeps(begins)
    if field_operator.operator == "any_" and AllowedValues(field_operator.place["items"]).confuse(str.casefold):
        yield (
            "folded",
            "upper and lower case are the same",
            keeps(lambda text, values: str(text).casefold() in {value.casefold() for value in values}),
        )
        yield (
            "stripped",
            "outer spaces count for nothing",
            keeps(lambda text, values: str(text).strip() in {value.strip() for value in values}),
        )


def ascii_only(text: str) -> str:
    return text.encode("ascii", "ignore").decode()


def shifted(step: timedelta, text: str) -> str:
    """A time moved by a step, in the format of the API; other formats, and the first and last time, are unchanged."""
    try:
        return spelled(moment(text) + step)
    except (ValueError, OverflowError):
        return text


def has(name: str, body: Any) -> bool:
    return bool(body.get(name))


def begins(text: str | None, pattern: str) -> bool:
    return text is not None and meets(f"\0{pattern}", f"\0{text}")


def combined(selection: Selection) -> Iterator[Mutant]:
    """Criteria that are combined differently, and criteria that hide others."""
    paths = paths_of(selection)
    for name, part in selection.filters.items():
        yield mutant(
            f"{selection.table}:{name}:ignored", f"The filter `{name}` is ignored.", reads_with(paths, drop(name))
        )
        if "operator" in part["properties"].value:
            yield mutant(
                f"{selection.table}:{name}:and",
                f"`{name}.operator` is ignored.",
                reads_with(paths, drop(f"{name}.operator")),
            )
        for other in selection.filters:
            if other != name:
                beside = reads_with(paths, given(partial(has, name), drop(other)))
                label = f"{selection.table}:{other}:beside-{name}"
                yield mutant(label, f"`{other}` is ignored beside `{name}`.", beside)
