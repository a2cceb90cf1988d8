"""Operands for operators of filters: values that rows have, and edge cases of the operator."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import islice, pairwise, permutations, product, starmap
from typing import Any
from uuid import UUID

from understudy.values import moment
from understudy.verify.requests.field_operators import FieldOperator

UNMATCHED = {"uuid": str(UUID(int=1)), "text": "understudy: nobody has this"}
MANY = 150  # values in a list: more than 127, and more than some databases accept at once
DAWN, DUSK = "0001-01-02T00:00:00Z", "9999-12-30T00:00:00Z"
MICROSECOND = timedelta(microseconds=1)
WORDS = re.compile(r"(?<![^\W_])([^\W_]+) ([^\W_]+)")  # two words with one space between them
EDGES = re.compile(r"(?=([^ -][ -]|[ -][^ -]))")  # a letter before or after a space or dash
SHORT = 3  # the length of a text that is too short for its middle to be a useful pattern
CASES = (str.upper, str.lower)
STRANGE = {"s": "\N{LATIN SMALL LETTER LONG S}", "k": "\N{KELVIN SIGN}"}
FAR_EAST, FAR_WEST = timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-9, minutes=-30))


def unmatched(field_operator: FieldOperator) -> list[Any]:
    """A list of a value that no row has; an empty list if rows may have each of the enum's values."""
    schema = (field_operator.place.get("items") or field_operator.place).value
    return [] if "enum" in schema else [UNMATCHED.get(schema.get("format", "text"), UNMATCHED["text"])]


def many_unmatched(field_operator: FieldOperator) -> list[Any]:
    """Many different values that no row has."""
    first = unmatched(field_operator)
    if first == [UNMATCHED["uuid"]]:
        return [str(UUID(int=number)) for number in range(1, MANY + 1)]
    return [f"{value} {number}" for value in first for number in range(MANY)]


def unmatched_operand(field_operator: FieldOperator) -> Any:
    """An operand that no row meets, for any operator except those that take a boolean."""
    schema = field_operator.place.value
    if schema["type"] == "array":
        return unmatched(field_operator) if field_operator.operator == "all_" else []
    if schema.get("format") == "date-time":
        return DAWN if field_operator.operator == "before_" else DUSK
    return UNMATCHED["text"]


def operands(field_operator: FieldOperator, values: Sequence[Any]) -> Iterator[Any]:
    """Operands for an operator, made from values for it."""
    schema = field_operator.place.value
    if schema["type"] == "array":
        yield from lists(values, unmatched(field_operator), many_unmatched(field_operator))
        yield from beginnings(field_operator, values)
    elif schema.get("format") == "date-time":
        yield DAWN
        yield DUSK
        for value in values:
            yield from around(value)
    elif field_operator.operator == "search_":
        yield from (*searches(values), *other_searches(values))
    elif schema["type"] == "string":
        yield UNMATCHED["text"]
        for value in values:
            yield from patterns(value)
    elif schema["type"] == "boolean":
        yield from (True, False)
    else:
        yield from values


def combined_operands(field_operator: FieldOperator, values: Sequence[Any]) -> Iterator[Any]:
    """Operands of which each part counts: lists that begin and end with a value, a time with an offset, and patterns
    with a wildcard, or with a space or dash at an end. None for other operators.
    """
    schema = field_operator.place.value
    if schema["type"] == "array":
        yield from starmap(partial(long_list, field_operator), ends(values, unmatched(field_operator)))
        yield unmatched(field_operator)
    elif schema.get("format") == "date-time":
        for value in values:
            yield from other_offsets(value)
        yield unmatched_operand(field_operator)
    elif schema["type"] == "string" and field_operator.operator != "search_":
        for text in values:
            yield from (f"{text[:1]}%{text[-1:]}", *EDGES.findall(text))
        yield unmatched_operand(field_operator)


def ends(values: Sequence[Any], no_match: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Pairs of values for the two ends of a list: of neighbouring values in both orders, then of a value and one that
    no row has.
    """
    for pair in (*pairwise(values), *product(no_match, values)):
        yield from permutations(pair)


def long_list(field_operator: FieldOperator, first: Any, last: Any) -> list[Any]:
    """A long list with a value at each end. Between them are many values that no row has; for `all_`, and if rows may
    have each value, it is the first value again.
    """
    others = [] if field_operator.operator == "all_" else many_unmatched(field_operator)
    return [first, *(others or [first] * MANY), capitals(field_operator, last)]


def first_operands(field_operator: FieldOperator, values: Sequence[Any]) -> Iterator[Any]:
    """The operands that reveal most faults, so that each operator is checked with them before any is checked with more:
    two values in a long list, or a time with and without an offset, and then those of `other_first_operands`.
    """
    schema = field_operator.place.value
    if schema["type"] == "array":
        yield next(combined_operands(field_operator, values))
    elif schema.get("format") == "date-time":
        yield from (operand for here in values[:1] for operand in (here, *other_offsets(here)[:1]))
    yield from other_first_operands(field_operator, values)


def other_first_operands(field_operator: FieldOperator, values: Sequence[Any]) -> Iterator[Any]:
    """The next operands that reveal most faults: texts that are similar to one that a row has, a time without its
    fraction, searches for words, a part of a text in the other case, or both booleans.
    """
    schema = field_operator.place.value
    if schema["type"] == "array":
        yield from beginnings(field_operator, values)
        yield from similar(field_operator, values)
    elif schema.get("format") == "date-time":
        yield from map(whole_seconds, values[:1])
    elif field_operator.operator == "search_":
        yield from searches(values)
    elif schema["type"] == "string":
        for text in values[:1]:
            yield middle_pattern(text)
            yield from strange_letters(text)
    else:
        yield from operands(field_operator, values)


def few_operands(field_operator: FieldOperator, values: Sequence[Any]) -> Iterator[Any]:
    """Operands close to one value, and a few lists: a part of `operands`, which are sent as edge cases."""
    schema = field_operator.place.value
    first = values[:1]
    if schema["type"] == "array":
        no_match = unmatched(field_operator)
        yield no_match
        yield from ([value] for value in first)
        yield from ([value.swapcase()] for value in first if no_match == [UNMATCHED["text"]])
        yield list(values)
        yield [*values, *values[:1], *no_match]
        yield [*many_unmatched(field_operator), *values[-1:]]
    elif schema.get("format") == "date-time":
        for here in map(moment, first):
            yield from map(spelled, (here, here - MICROSECOND, here + MICROSECOND))
        yield from other_offsets(first[0])[:1] if first else ()
    elif field_operator.operator == "search_":
        yield from other_searches(values)
    elif schema["type"] == "string":
        for text in first:
            yield from (text, text.upper(), text[1:4], f"{text[:1]}%{text[-1:]}", f"{text[1:2]}%{text[-1:]}")
            yield from (f"_{text[1:]}", f"{text}_", swapped_halves(text))
    else:
        yield from operands(field_operator, values)


def lists(values: Sequence[Any], no_match: Sequence[Any], many_unmatched: Sequence[Any]) -> Iterator[list[Any]]:
    yield list(no_match)
    for value in values:
        yield [value]
        if list(no_match) == [UNMATCHED["text"]]:
            yield from ([spelling] for spelling in dict.fromkeys([*both_cases(value), *other_forms(value)]))
        if list(no_match) == [UNMATCHED["uuid"]]:
            yield [value.upper()]
    if values:
        yield [*values, *values, *no_match]
        yield [*many_unmatched, values[0]]


def capitals(field_operator: FieldOperator, value: Any) -> Any:
    """An id in upper case, which is the same id; any other value unchanged."""
    is_id = unmatched(field_operator) == [UNMATCHED["uuid"]]
    return value.upper() if is_id else value


def beginnings(field_operator: FieldOperator, values: Sequence[Any]) -> Iterator[list[Any]]:
    """Lists of beginnings of a text, in the other case, and of endings that are not beginnings, if requested."""
    if field_operator.operator == "startswith_":
        for text in values[:1]:
            beginning = text[: max(1, len(text) // 2)]
            yield [beginning.swapcase() if beginning.isascii() else beginning]
            yield [text[1:]]


def similar(field_operator: FieldOperator, values: Sequence[Any]) -> Iterator[list[str]]:
    """Lists of a text without its end, in the other case, and between spaces, which are other values, where any text is
    allowed. For `all_`, the text itself is in the lists, too, so that these are not the same as for `any_`.
    """
    if field_operator.operator == "startswith_" or unmatched(field_operator) != [UNMATCHED["text"]]:
        return
    for text in (value for value in values[:1] if isinstance(value, str)):
        texts = [each for each in (text[:-1], text.swapcase(), f" {text} ") if each not in ("", text)]
        if field_operator.operator == "all_":
            yield from ([text, each] for each in texts)
        elif texts:
            yield texts


def pairs_of_words(values: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Two neighbouring words of each text with at least two words."""
    for text in values:
        words = WORDS.findall(text)
        yield from words[:1]


def searches(values: Sequence[str]) -> Iterator[str]:
    """Queries for two neighbouring words of a text: as a phrase, both words, one without the other, either word, and a
    part of one.
    """
    for first, second in islice(pairs_of_words(values), 1):
        yield f"{first} {UNMATCHED['uuid']}"
        yield f'"{first} {second}"'
        yield f"+{first} +{second.swapcase()}"
        yield f"{first} -{second}"
        yield f"{first} !{second}"
        yield max(first, second, key=len)[1:]


def other_searches(values: Sequence[str]) -> Iterator[str]:
    """More queries for such words: in another order and case, one word, with another prefix, and none."""
    yield from ("", " ", UNMATCHED["text"].partition(" ")[2])
    for first, second in islice(pairs_of_words(values), 2):
        yield f'"{second} {first}"'
        yield f'"{first.upper()} {second.lower()}"'
        yield f"{first} {second}"
        yield f"!{first} {second}"
        yield f'-"{first} {second}"'
        yield f"-{first} -{second}"
        yield f'+"{first} {second}" {UNMATCHED["uuid"]}'


def patterns(text: str) -> Iterator[str]:
    """Patterns that a text matches, and some that it narrowly does not."""
    yield text
    yield from both_cases(text)
    yield from other_forms(text)
    yield from wider_than(text)
    yield text[1:4]
    yield f"{text[:1]}.{text[2:]}"
    yield f"[{text[:1]}]{text[1:]}"
    yield f"{text[-2:]}%{text[:2]}"
    yield swapped_halves(text)
    yield "_" * len(text)
    yield "_" * (len(text) + 1)
    yield f"{text}_"


def swapped_halves(text: str) -> str:
    """A pattern that a text narrowly does not match: its second half before the first."""
    middle = len(text) // 2
    return f"{text[middle:]}%{text[:middle]}"


def both_cases(text: str) -> list[str]:
    """A text in upper and in lower case, in its ASCII letters only: patterns ignore the case of no others."""
    return ["".join(change(letter) if letter.isascii() else letter for letter in text) for change in CASES]


def middle_pattern(text: str) -> str:
    """A pattern for a text in the other case, with a wildcard; without the ends of the text, if it is long enough."""
    middle = text[1:-1] if len(text) > SHORT else text
    return f"_{middle[1:].swapcase() if text.isascii() else middle[1:]}"


def id_spellings(row_id: str) -> list[str]:
    """Other spellings of an id, in upper case and without hyphens."""
    return [row_id.upper(), row_id.replace("-", "")]


def strange_letters(text: str) -> list[str]:
    """A text in which an ASCII letter is replaced by a letter outside ASCII whose other case is that letter."""
    strange = "".join(STRANGE.get(letter.lower(), letter) for letter in text)
    return [] if strange == text else [strange]


def other_forms(text: str) -> list[str]:
    """Texts that look alike to people but are different: letters outside ASCII in the other case, other spaces around
    the text, and another Unicode form.
    """
    cases = {"".join(letter if letter.isascii() else letter.swapcase() for letter in text)}
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")}
    return sorted((cases | forms | {text.strip()}) - {text})


def wider_than(text: str) -> Iterator[str]:
    """Patterns that match every text that this one matches."""
    yield "%"
    if len(text) > 1:
        yield "_"
        yield text[1:]
        yield text[:-1]
        yield f"{text[:1]}%{text[-1:]}"
        yield f"_{text[1:]}"
        yield f"{text[:-1]}_"


def around(value: str) -> Iterator[str]:
    """A time, also with another offset, and the times next to it."""
    here = moment(value)
    yield value
    yield from other_offsets(value)
    yield spelled(here - MICROSECOND)
    yield spelled(here + MICROSECOND)


def other_offsets(value: str) -> list[str]:
    """The same time with offsets east and west of UTC."""
    return [moment(value).astimezone(zone).isoformat() for zone in (FAR_EAST, FAR_WEST)]


def whole_seconds(value: str) -> str:
    """A time without the fraction of its second."""
    return spelled(moment(value).replace(microsecond=0))


def spelled(moment: datetime) -> str:
    """A time in UTC as the API writes it."""
    return moment.isoformat().replace("+00:00", "Z")
