"""The annotations (`x-…`) of a contract: where they are allowed, and the values that they take."""

from collections.abc import Callable, Mapping, Set
from typing import Any, NamedTuple

from understudy.errors import did_you_mean

Tables = Mapping[str, Set[str]]
"""The fields of each table."""

Check = Callable[[Any, Mapping[str, Any], Tables], str | None]
"""The error of a value, given the keywords beside it; None if it is valid."""


class Annotation(NamedTuple):
    """Where an annotation is allowed (the kinds of `supported_openapi`), and how its value is checked."""

    kinds: tuple[str, ...]
    check: Check


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def texts(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(is_text, value))


def takes(words: str, holds: Callable[[Any], bool]) -> Check:
    return lambda value, beside, tables: None if holds(value) else f"takes {words}, not `{value}`"


def one_of(*values: str) -> Check:
    return takes(" or ".join(f"`{value}`" for value in values), lambda value: value in values)


def table(value: Any, beside: Mapping[str, Any], tables: Tables) -> str | None:
    if value in tables:
        return None
    return f"no table is named `{value}`{did_you_mean(str(value), tables)}"


def field(value: Any, beside: Mapping[str, Any], tables: Tables) -> str | None:
    name, _, of = value.partition(".") if is_text(value) else ("", "", "")
    if name not in tables:
        return f"takes TABLE.FIELD: no table is named `{name or value}`{did_you_mean(name, tables)}"
    if of not in tables[name]:
        return f"takes TABLE.FIELD: `{name}` has no field `{of}`{did_you_mean(of, tables[name])}"
    return None


def values_of_fields(value: Any, beside: Mapping[str, Any], tables: Tables) -> str | None:
    if not isinstance(value, dict) or not value or not all(isinstance(prefix, str) for prefix in value.values()):
        return "takes a prefix for each TABLE.FIELD, which can be empty"
    return next(filter(None, (field(".".join(str(name).split(".")[:2]), beside, tables) for name in value)), None)


def with_keys(*keys: str) -> Check:
    words = f"{', '.join(keys[:-1])} and {keys[-1]}"
    return lambda value, beside, tables: (
        None if isinstance(value, dict) and value.keys() == {*keys} else f"requires exactly {words}"
    )


def beside(key: str, check: Check) -> Check:
    """A check for an annotation that is only valid beside a keyword."""

    def checked(value: Any, others: Mapping[str, Any], tables: Tables) -> str | None:
        return check(value, others, tables) if key in others else f"is only valid beside `{key}`"

    return checked


def labels(value: Any, others: Mapping[str, Any], tables: Tables) -> str | None:
    if isinstance(value, dict) and value and all(MESSAGES(part, {}, tables) is None for part in value.values()):
        return None
    return "takes for each name the messages `missing` and `empty`"


def request_headers(value: Any, others: Mapping[str, Any], tables: Tables) -> str | None:
    if isinstance(value, list) and value and all(HEADER(part, {}, tables) is None for part in value):
        return None
    return "takes a list of headers, each with its `name` and `schema`"


def uniqueness(value: Any, others: Mapping[str, Any], tables: Tables) -> str | None:
    if "x-table" not in others:
        return FLAG(value, others, tables)
    if isinstance(value, list) and value and all(map(texts, value)):
        return None
    return f"takes lists of fields on a row schema, `[[a, b]]`, not `{value}`"


def scenarios(value: Any, others: Mapping[str, Any], tables: Tables) -> str | None:
    if is_text(value):
        return None  # their place, where they are checked when they are read
    return wrong_scenarios(value)


def wrong_scenarios(value: Any) -> str | None:
    keys = {"send", "body", "headers", "as", "status", "shows", "within", "optional", "clients"}
    steps = [step for part in value.values() for step in part] if isinstance(value, dict) else [None]
    if all(isinstance(step, dict) and is_text(step.get("send")) and step.keys() <= keys for step in steps):
        return None
    parts = "`body`, `headers`, `as`, `status`, `shows`, `within`, `optional` and `clients`"
    return f"takes for each name a list of requests with `send`, and with {parts}, or the place of them, `FILE#/NAME`"


MESSAGES = with_keys("missing", "empty")
HEADER = with_keys("name", "schema")
FLAG = takes("`true` or `false`", lambda value: isinstance(value, bool))
TEXT = takes("a text", is_text)
TEXTS = takes("a list of texts", texts)
FLAG_OR_TEXTS = takes("`true`, `false` or a list of texts", lambda value: isinstance(value, bool) or texts(value))
SIZE = takes("a number above 0", lambda value: isinstance(value, int) and not isinstance(value, bool) and value > 0)
LIST = takes("a list of values", lambda value: isinstance(value, list))
OBJECT = takes("an object", lambda value: isinstance(value, dict))
WORDS = takes("a field for each word", lambda value: isinstance(value, dict) and texts([*value, *value.values()]))

SCHEMA = ("schema",)
SCENARIOS = "x-scenarios"
ANNOTATIONS: Mapping[str, Annotation] = {
    "x-table": Annotation(SCHEMA, TEXT),
    "x-shows": Annotation(SCHEMA, table),
    "x-references": Annotation(SCHEMA, table),
    "x-on-delete": Annotation(SCHEMA, beside("x-references", one_of("cascade", "set-null"))),
    "x-derived": Annotation(SCHEMA, beside("x-table", with_keys("from", "per", "newest", "reference", "namespace"))),
    "x-affinity": Annotation(SCHEMA, one_of("numeric")),
    "x-former": Annotation(SCHEMA, beside("properties", WORDS)),
    "x-hidden": Annotation(SCHEMA, FLAG),
    "x-decides": Annotation(SCHEMA, beside("x-hidden", TEXTS)),
    "x-moving": Annotation(SCHEMA, FLAG_OR_TEXTS),
    "x-link": Annotation(SCHEMA, FLAG),
    "x-grows": Annotation(SCHEMA, FLAG),
    "x-write-only": Annotation(SCHEMA, FLAG),
    "x-merged-if": Annotation(SCHEMA, TEXT),
    "x-null-replaced": Annotation(SCHEMA, FLAG),
    "x-empty-replaced": Annotation(SCHEMA, FLAG),
    "x-shown-by": Annotation(SCHEMA, beside("x-table", TEXT)),
    "x-shown-otherwise": Annotation(SCHEMA, FLAG),
    "x-unmasks": Annotation(SCHEMA, FLAG),
    "x-filters": Annotation(SCHEMA, table),
    "x-field": Annotation(SCHEMA, TEXT),
    "x-coalesce": Annotation(SCHEMA, TEXTS),
    "x-either": Annotation(SCHEMA, TEXTS),
    "x-joined": Annotation(SCHEMA, TEXTS),
    "x-flat": Annotation(SCHEMA, FLAG),
    "x-operator": Annotation(SCHEMA, TEXT),
    "x-related": Annotation(SCHEMA, TEXT),
    "x-combines": Annotation(SCHEMA, FLAG),
    "x-first-of": Annotation(SCHEMA, TEXTS),
    "x-non-empty": Annotation(SCHEMA, FLAG),
    "x-ignored": Annotation(SCHEMA, FLAG),
    "x-fixed": Annotation(SCHEMA, OBJECT),
    "x-passed": Annotation(SCHEMA, FLAG),
    "x-selects": Annotation(SCHEMA, table),
    "x-embedded": Annotation(SCHEMA, FLAG),
    "x-order": Annotation(SCHEMA, beside("x-selects", TEXT)),
    "x-sorts": Annotation(SCHEMA, beside("enum", WORDS)),
    "x-stable-sorts": Annotation(SCHEMA, beside("x-sorts", TEXTS)),
    "x-detail": Annotation(SCHEMA, beside("minimum", beside("maximum", with_keys("minimum", "maximum")))),
    "x-pattern-message": Annotation(SCHEMA, beside("pattern", TEXT)),
    "x-also-pattern": Annotation(SCHEMA, beside("pattern", with_keys("pattern", "message"))),
    "x-needs": Annotation(SCHEMA, beside("properties", with_keys("any", "message"))),
    "x-json-bytes": Annotation(SCHEMA, with_keys("maximum", "message", "unserializable")),
    "x-sequence": Annotation(SCHEMA, FLAG),
    "x-refined-by": Annotation(SCHEMA, TEXT),
    "x-further-rules": Annotation(SCHEMA, FLAG),
    "x-literal": Annotation(SCHEMA, beside("enum", FLAG)),
    "x-tuple": Annotation(SCHEMA, beside("maxItems", FLAG)),
    "x-limit": Annotation(SCHEMA, with_keys("maximum", "message")),
    "x-labels": Annotation(SCHEMA, labels),
    "x-bytes": Annotation(SCHEMA, FLAG),
    "x-duration": Annotation(SCHEMA, FLAG),
    "x-label": Annotation(SCHEMA, beside("properties", TEXT)),
    "x-before": Annotation(SCHEMA, TEXT),
    "x-after": Annotation(SCHEMA, TEXT),
    "x-checked-by": Annotation(SCHEMA, TEXT),
    "x-plain": Annotation(SCHEMA, beside("format", FLAG)),
    "x-keeps-offset": Annotation(SCHEMA, beside("format", FLAG)),
    "x-blank-message": Annotation(SCHEMA, TEXT),
    "x-template": Annotation(SCHEMA, with_keys("uses", "declares", "incomplete", "undeclared")),
    "x-truncate": Annotation(SCHEMA, SIZE),
    "x-default": Annotation(SCHEMA, OBJECT),
    "x-headers": Annotation(("operation",), request_headers),
    "x-minimum-version": Annotation(("parameter",), with_keys("version", "malformed", "outdated")),
    "x-names": Annotation(("parameter",), field),
    "x-texts-of": Annotation(("parameter", "schema"), values_of_fields),
    "x-checked": Annotation(("parameter",), FLAG),
    "x-action": Annotation(
        ("operation",), one_of("read", "update", "delete", "create", "list", "count", "paginate", "bulk_delete")
    ),
    "x-message": Annotation(("response",), TEXT),
    "x-status": Annotation(("operation",), one_of("planned")),
    "x-observes": Annotation(("operation",), TEXTS),
    "x-observed-by": Annotation(SCHEMA, beside("x-table", TEXT)),
    "x-replaces": Annotation(("operation",), FLAG),
    "x-safe": Annotation(("operation",), FLAG),
    "x-eventual": Annotation(("operation",), FLAG),
    "x-shows-changes": Annotation(("operation",), OBJECT),
    "x-lists-all": Annotation(("operation",), OBJECT),
    SCENARIOS: Annotation(("operation",), scenarios),
    "x-open": Annotation(("operation",), FLAG),
    "x-issues-tokens": Annotation(("operation",), FLAG),
    "x-unique": Annotation(SCHEMA, uniqueness),
    "x-reported": Annotation(SCHEMA, beside("x-table", TEXTS)),
    "x-index": Annotation(SCHEMA, beside("x-table", TEXTS)),
    "x-usual": Annotation(SCHEMA, LIST),
    "x-counts": Annotation(SCHEMA, one_of("rows", "pages")),
    "x-environment-variable": Annotation(("server",), TEXT),
    "x-key-variable": Annotation(("server",), TEXT),
    "x-auth-variable": Annotation(("server",), TEXT),
}


def objection(name: str, value: Any, kind: str, others: Mapping[str, Any], tables: Tables) -> str | None:
    """The error of an annotation on an object of some kind; None if it is valid."""
    known = ANNOTATIONS.get(name)
    if known is None:
        return f"unknown annotation `{name}`{did_you_mean(name, ANNOTATIONS)}"
    if kind not in known.kinds:
        return f"`{name}` is not valid here; it is for: {', '.join(known.kinds)}"
    wrong = known.check(value, others, tables)
    return None if wrong is None else f"`{name}` {wrong}"
