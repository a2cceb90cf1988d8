"""Filters of events: for stored events, as a real server's database applies them, and for new ones.

The two differ in details. A database ignores the case of ASCII letters in patterns and prefixes, in which `%` matches
any characters and `_` any single one. A stream ignores filters on related resources.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from understudy.filters.operators import FLAGS, begins
from understudy.filters.text_search import parse, search
from understudy.values import moment

Event = Mapping[str, Any]
"""A row of events as JSON."""
Test = Callable[[Event], bool]
"""Whether a pattern, without its `!`, matches a text."""

ID, ROLE = "prefect.resource.id", "prefect.resource.role"
DAYS = 180  # the days before now whose events a filter selects by default


def with_defaults(given: Mapping[str, Any] | None, moment: datetime) -> dict[str, Any]:
    """A filter with its default time range, the last 180 days."""
    filter_ = {"order": "DESC", **(given or {})}
    since = moment.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    filter_["occurred"] = {"since": since, "until": moment, **filter_.get("occurred", {})}
    return filter_


# ------------------------------------------------------------------- stored events


def name_test(names: Mapping[str, Any]) -> Callable[[str], bool]:
    """Whether a stored event's name meets a filter."""
    prefix, exclude = (begins(names[key]) if names.get(key) else None for key in ("prefix", "exclude_prefix"))
    name, exclude_name = (set(names.get(key) or ()) for key in ("name", "exclude_name"))

    def test(event: str) -> bool:
        return (
            (prefix is None or prefix(event))
            and not (exclude is not None and exclude(event))
            and (not name or event in name)
            and event not in exclude_name
        )

    return test


def stored_tests(filter_: Mapping[str, Any]) -> list[Test]:
    """The conditions of a filter, except those on an event's time, name and id, and on the id of its own resource."""
    tests = [*resource_tests(filter_.get("resource") or {})]
    tests += [test for part in parts(filter_.get("related")) for test in related_tests(part)]
    tests += [test for part in parts(filter_.get("any_resource")) for test in any_tests(part)]
    query = (filter_.get("text") or {}).get("query", "")
    if query.strip():
        matches = search(query)
        tests.append(lambda event: matches(stored_text(event)))
    return tests


def stored_text(event: Event) -> str:
    """The text that a search in the database applies to: the JSON of the event, with names and escapes."""
    return " ".join([event["event"], *(json.dumps(event[name]) for name in ("resource", "related", "payload"))])


def parts(value: Any) -> Sequence[Mapping[str, Any]]:
    """The filters on resources. There may be a list of them."""
    return value if isinstance(value, list) else [value] if value is not None else []


def resource_id_tests(filter_: Mapping[str, Any]) -> Iterator[Callable[[str], bool]]:
    """The conditions on the id of an event's own resource."""
    if filter_.get("id"):
        yield set(filter_["id"]).__contains__
    if filter_.get("id_prefix"):
        yield begins(filter_["id_prefix"])
    ids = (filter_.get("labels") or {}).get(ID)
    if ids:
        labels = labels_test({ID: ids}, roles=False)
        yield lambda text: labels({ID: text})


def resource_tests(filter_: Mapping[str, Any]) -> Iterator[Test]:
    """The conditions on the other labels of an event's own resource."""
    others = {name: values for name, values in (filter_.get("labels") or {}).items() if name != ID}
    if others:
        # The database has the resource without its role.
        labels = labels_test(others, roles=False)
        yield lambda event: labels(event["resource"])


def related_tests(filter_: Mapping[str, Any]) -> Iterable[Test]:
    """The tests that one resource of an event must pass: a related one, unless a role is named."""
    tests = id_tests(filter_)
    if filter_.get("role"):
        roles = set(filter_["role"])
        tests.append(lambda resource: role_of(resource) in roles)
    if filter_.get("resources_in_roles"):
        pairs = {tuple(pair) for pair in filter_["resources_in_roles"]}
        tests.append(lambda resource: (resource[ID], role_of(resource)) in pairs)
    if tests and not filter_.get("role"):
        tests.append(lambda resource: role_of(resource) != "")
    return [any_resource(tests)] if tests else []


def any_tests(filter_: Mapping[str, Any]) -> Iterable[Test]:
    tests = id_tests(filter_)
    return [any_resource(tests)] if tests else []


def id_tests(filter_: Mapping[str, Any]) -> list[Test]:
    """The conditions on one resource that filters on related resources and on any resource share."""
    tests: list[Test] = []
    if filter_.get("id"):
        ids = set(filter_["id"])
        tests.append(lambda resource: resource[ID] in ids)
    if filter_.get("id_prefix"):
        starts = begins(filter_["id_prefix"])
        tests.append(lambda resource: starts(resource[ID]))
    if filter_.get("labels"):
        tests.append(labels_test(filter_["labels"], roles=True))
    return tests


def any_resource(tests: Sequence[Test]) -> Test:
    return lambda event: any(all(test(resource) for test in tests) for resource in resources(event))


def resources(event: Event) -> list[Mapping[str, Any]]:
    """The resources of an event. Its own comes first and has no role."""
    own = {name: value for name, value in event["resource"].items() if name != ROLE}
    return [own, *event["related"]]


def role_of(resource: Mapping[str, Any]) -> str:
    return str(resource.get(ROLE, ""))


def labels_test(labels: Mapping[str, Any], *, roles: bool) -> Test:
    """Whether a stored resource has labels. An id or a role without values is ignored."""
    wanted = {name: [value] if isinstance(value, str) else value for name, value in labels.items()}
    ids = wanted.pop(ID, None)
    tests: list[Test] = [any_pattern(ID, ids)] if ids else []
    allowed = wanted.pop(ROLE, None) if roles else None
    if allowed:
        tests.append(lambda resource: role_of(resource) in allowed)
    tests += [any_pattern(name, values) for name, values in wanted.items()]
    if ROLE in wanted:
        tests.append(lambda resource: False)
    return lambda resource: all(test(resource) for test in tests)


def any_pattern(name: str, values: Sequence[str]) -> Test:
    """Whether a label matches one of some patterns; a missing label matches none.

    SQLite does not find a name with a quote in JSON.
    """
    if '"' in name:
        return lambda resource: False
    patterns = [(value.startswith("!"), like(value.removeprefix("!"))) for value in values]

    def test(resource: Mapping[str, Any]) -> bool:
        text = resource.get(name)
        return text is not None and any((pattern.fullmatch(text) is None) == no for no, pattern in patterns)

    return test


def like(pattern: str) -> re.Pattern[str]:
    """SQL's LIKE for a pattern in which `*` matches any characters, and `?` one character."""
    signs = {"*": ".*", "?": "."}
    return re.compile("".join(signs.get(sign) or re.escape(sign) for sign in pattern), FLAGS)


# ------------------------------------------------------------------- new events


def stream_test(filter_: Mapping[str, Any]) -> Test:
    """Whether a new event meets a filter."""
    occurred, names, resource = filter_["occurred"], filter_.get("event") or {}, filter_.get("resource") or {}
    ids = set(map(str, filter_.get("id", {}).get("id") or ()))
    anywhere = parts(filter_.get("any_resource"))
    query = (filter_.get("text") or {}).get("query", "")

    def test(event: Event) -> bool:
        happened = moment(event["occurred"])
        return (
            occurred["since"] <= happened <= occurred["until"]
            and has_name(names, event["event"])
            and has(resource, event["resource"])
            and all(any(has(part, each) for each in (event["resource"], *event["related"])) for part in anywhere)
            and (not ids or event["id"] in ids)
            and has_text(query, event)
        )

    return test


def has_name(names: Mapping[str, Any], name: str) -> bool:
    prefix, exclude_prefix = (tuple(names.get(key) or ()) for key in ("prefix", "exclude_prefix"))
    return (
        (not prefix or name.startswith(prefix))
        and not (exclude_prefix and name.startswith(exclude_prefix))
        and (not names.get("name") or name in names["name"])
        and name not in (names.get("exclude_name") or ())
    )


def has(filter_: Mapping[str, Any], resource: Mapping[str, str]) -> bool:
    """Whether a resource meets the conditions on its id and labels."""
    return (
        (not filter_.get("id") or resource[ID] in filter_["id"])
        and (not filter_.get("id_prefix") or resource[ID].startswith(tuple(filter_["id_prefix"])))
        and all(has_label(resource.get(name), values) for name, values in (filter_.get("labels") or {}).items())
    )


def has_label(text: str | None, values: str | Sequence[str]) -> bool:
    patterns = [values] if isinstance(values, str) else values
    return text is not None and any(
        fnmatchcase(text, pattern.removeprefix("!")) != pattern.startswith("!") for pattern in patterns
    )


def has_text(query: str, event: Event) -> bool:
    """Whether the name, the label values or the payload of an event match a query."""
    included, required, excluded = parse(query)
    values = [value for resource in (event["resource"], *event["related"]) for value in resource.values()]
    text = " ".join([event["event"], *values, str(event["payload"])]).lower()
    return (
        (not included or any(term.lower() in text for term in included))
        and all(term.lower() in text for term in required)
        and not any(term.lower() in text for term in excluded)
    )
