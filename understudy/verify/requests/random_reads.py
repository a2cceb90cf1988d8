"""Random requests that only read, mostly similar to the examples of the contract, and about known rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import cycle, islice
from random import Random
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

from understudy.contract.catalog import Catalog
from understudy.contract.contract import Place
from understudy.sampling.answers import Row
from understudy.sampling.counterparts import is_time
from understudy.sampling.random_requests import Request, RequestGenerator, with_query
from understudy.sampling.sample_values import Samples, leaves
from understudy.values import moment
from understudy.verify.requests.endpoint import Endpoint, examples_of, required_by_example
from understudy.verify.requests.operands import id_spellings
from understudy.verify.requests.session_operations import Fields
from understudy.verify.requests.single_values import merged, widest, with_numbers, with_objects, with_pairs

FACTORS = (1, 1, 0.7, 1.9)  # factors for the numbers of an example
SHIFTS = (0, 0, -1.3, 0.4, 26)  # offsets for the times of an example, in hours
FILTERS = (0, 0, 1, 1, 2, 9)  # numbers of filters in a body, to draw from
WITH_FILTERS = (False, False, False, True)  # whether to use the filters of an example, to draw from
LISTED = 3  # the maximum number of ids in a list
UNKNOWN = 0.3  # the share of these lists with an id that no row has
OF_ROWS = 0.7  # the share of bodies with times that use times of rows
OF_ONE_ROW = 0.8  # the share of paths with several rows that name rows which belong together
ROWS = 3  # rows for each small number, if the path names a row
RELATED = 0.2  # the share of bodies whose values are those of rows which belong together
PAIRED = 4  # rows whose values are sent in pairs
BY_IDS = 0.1  # the share of bodies that select rows by the ids of two tables


@dataclass(frozen=True)
class RandomReads:
    """Draws requests to operations that only read.

    Args:
        catalog: the tables.
        fields: the meaning of field names.
        known: the known rows, by table and id.
        samples: their values.
        some: the values of some varied rows, which paths name as often as all others.
        randomness: the random generator.
    """

    catalog: Catalog
    fields: Fields
    known: Mapping[str, Mapping[str, Row]]
    samples: Samples
    some: Sequence[Samples]
    randomness: Random

    def requests(self, endpoint: Endpoint, count: int) -> list[Request]:
        """Some requests to an operation, some with each name spelled otherwise, one with nulls if the body can have
        them, and one with empty parameters if one of the requests has a query.

        Returns an empty list while no row is known for its path to name.
        """
        if not has_names(self.samples, endpoint):
            return []
        some = [each for each in self.some if endpoint.named_fields and has_names(each, endpoint)]
        drawn = [self.request(endpoint, each) for each in islice(cycle([self.samples, *some]), count)]
        requests = self._in_each_order(endpoint, drawn)
        others = self._spelled_otherwise(endpoint) if endpoint.named_fields else []
        nulls = [] if endpoint.body is None else [with_nulls(endpoint.body, requests[-1])]
        empty = [self._without_values(each) for each in requests if "?" in each.path][:1]
        return [*requests, *others, *nulls, *empty]

    def of_rows(self, endpoint: Endpoint, rows: Iterable[Row]) -> list[Request]:
        """Requests to an operation for some rows of the last table that its path names, with what a body must have."""
        table, _ = list(endpoint.named_fields.values())[-1]
        body = None if endpoint.body is None else required_by_example(endpoint)
        paths = [path_with(endpoint, names_in(endpoint, self._with_referred(table, row))) for row in rows]
        return [Request(endpoint.method, each, endpoint.path, body, endpoint.body) for each in paths if "{" not in each]

    def request(self, endpoint: Endpoint, samples: Samples) -> Request:
        """A request whose body has some values of an example, and mostly the required ones."""
        are_related = self.randomness.random() < RELATED
        request = self._drawn(endpoint, self._related_values(endpoint, samples) if are_related else samples)
        if endpoint.body is None or not isinstance(request.body, dict):
            return request
        if endpoint.selects and self.randomness.random() < BY_IDS:
            return replace(request, body={**required_by_example(endpoint), **self.by_ids(endpoint)})
        example = self.randomness.choice([self.randomness.choice(examples_of(endpoint)), widest(endpoint)])
        near = {**required_by_example(endpoint), **self._values_of_example(endpoint.body, example)}
        body = merged(near, self._few(endpoint.body, request.body))
        tables = self._tables_of(endpoint)
        lists = {name: [*self._some_ids(table), *self._unknown_ids()] for name, table in tables.items()}
        return replace(request, body={**body, **self._times_of_rows(endpoint, body), **lists})

    def with_shown_value(self, endpoint: Endpoint, request: Request, shown: Any) -> Request | None:
        """A request with a value of its response in the query: a time, or a part of a text. None if it takes none."""
        parameters = {
            each.value["name"]: texts_in(shown, times=is_timed(each)) for each in endpoint.query if takes_shown(each)
        }
        if not parameters:
            return None
        name = self.randomness.choice(list(parameters))
        if not parameters[name]:
            return None
        value = self.randomness.choice(parameters[name])
        if not is_time(value):
            value = RequestGenerator((), self.samples, self.randomness).pattern(value)
        return replace(request, path=with_query(plain(request).path, {name: value}))

    def with_single_values(self, endpoint: Endpoint) -> list[Request]:
        """Requests that each have one small number, the limit and offset of a small page, one property of an object, or
        two properties of an object.
        """
        if endpoint.body is None or not has_names(self.samples, endpoint):
            return []
        generator = RequestGenerator((), self.samples, self.randomness)
        bodies = [*with_numbers(endpoint, endpoint.body), *with_objects(endpoint, endpoint.body, generator)]
        for _ in range(PAIRED):
            generator = RequestGenerator((), self._related_values(endpoint, self.samples), self.randomness)
            bodies += with_pairs(endpoint, endpoint.body, generator)
        return [
            replace(plain(self._drawn(endpoint, self.samples)), body=body)
            for body in bodies
            for _ in range(ROWS if endpoint.named_fields else 1)
        ]

    def by_ids(self, endpoint: Endpoint) -> dict[str, Any]:
        """A body with filters on the ids of a few rows and of some rows of another table, related or not."""
        parts = [] if endpoint.body is None else endpoint.body.entries("properties")
        tables = {
            name: part.value["x-filters"]
            for name, part in parts
            if "x-filters" in part.value and "id" in part.value.get("properties", {})
        }
        own = [name for name, table in tables.items() if table == endpoint.selects]
        others = [name for name in tables if name not in own]
        chosen = [*own, *self.randomness.sample(others, k=min(len(others), 1))]
        return {name: {"id": {"any_": self._some_ids(tables[name])}} for name in chosen}

    def _drawn(self, endpoint: Endpoint, samples: Samples) -> Request:
        return self._drawn_at(endpoint, self._of_one_row(endpoint), samples)

    def _drawn_at(self, endpoint: Endpoint, path: str, samples: Samples) -> Request:
        request = RequestGenerator((), samples, self.randomness).request(endpoint.method, path, endpoint.place)
        return replace(request, operation=endpoint.path)

    def _related_values(self, endpoint: Endpoint, samples: Samples) -> Samples:
        """The values of a row and of the rows that it refers to, so that several filters select it; those of `samples`
        only where these have none.
        """
        tables = [table for table in endpoint.sampled_tables if self.known.get(table)]
        if not tables:
            return samples
        table = self.randomness.choice(tables)
        related = Samples(self.randomness, otherwise=samples)
        for name, row in self._with_referred(table, self.randomness.choice(list(self.known[table].values()))).items():
            related.learn(self.catalog.tables[name].place, [row])
        return related

    def _with_referred(self, table: str, row: Row) -> dict[str, Row]:
        """A row and the rows that it refers to, directly or through others, one of each table, by table."""
        found = {table: row}
        todo = [table]
        for each in todo:
            for name, reference in self.catalog.tables[each].references.items():
                other = self.known.get(reference.table, {}).get(str(found[each].get(name)))
                if other is not None and reference.table not in found:
                    found[reference.table] = other
                    todo.append(reference.table)
        return found

    def _of_one_row(self, endpoint: Endpoint) -> str:
        """The path. If it names several rows, these are mostly a row and the rows that it refers to."""
        if len(endpoint.named_fields) < 2 or self.randomness.random() >= OF_ONE_ROW:  # noqa: PLR2004 - several
            return endpoint.path
        return path_with(endpoint, names_in(endpoint, self._rows_of_one(endpoint)))

    def _spelled_otherwise(self, endpoint: Endpoint) -> list[Request]:
        """Requests for a row, each with one of its names in the other case, or with its id in another spelling.

        An id finds the row, however it is spelled, if the operation takes ids. Other texts are mostly names of no row.
        """
        rows = self._rows_of_one(endpoint)
        names = names_in(endpoint, rows)
        ids = {name: str(rows[table]["id"]) for name, (table, _) in endpoint.named_fields.items() if name in names}
        others = [
            {**names, name: spelled}
            for name, value in names.items()
            for spelled in (value.swapcase(), self.randomness.choice(id_spellings(ids[name])))
            if spelled != value
        ]
        return [self._drawn_at(endpoint, path_with(endpoint, each), self.samples) for each in others]

    def _rows_of_one(self, endpoint: Endpoint) -> dict[str, Row]:
        """A row of the last table that a path names, and the rows that it refers to, by table."""
        table, _ = list(endpoint.named_fields.values())[-1]
        rows = list(self.known.get(table, {}).values())
        return self._with_referred(table, self.randomness.choice(rows)) if rows else {}

    def _some_ids(self, table: str) -> list[str]:
        ids = list(self.known.get(table, ()))
        return self.randomness.sample(ids, k=min(len(ids), LISTED))

    def _unknown_ids(self) -> list[str]:
        """With a low probability, an id that no row has."""
        is_sent = self.randomness.random() < UNKNOWN
        return [str(UUID(int=self.randomness.getrandbits(128), version=4))] if is_sent else []

    def _tables_of(self, endpoint: Endpoint) -> dict[str, str]:
        """The tables of the rows that a body lists by their ids, by the names of the lists."""
        parts = [] if endpoint.body is None else endpoint.body.entries("properties")
        lists = [name for name, part in parts if part.value.get("type") == "array"]
        return {name: table for name in lists if (table := self.fields.table_of(name))}

    def _times_of_rows(self, endpoint: Endpoint, body: Mapping[str, Any]) -> dict[str, Any]:
        """With a low probability, times of a column instead of those that a body has beside its filters, in order."""
        names = [] if endpoint.body is None else [name for name in times_among(endpoint.body) if name in body]
        if not names or not endpoint.selects or self.randomness.random() >= OF_ROWS:
            return {}
        fields = times_among(self.catalog.tables[endpoint.selects].place)
        columns = [self.samples.seen(endpoint.selects, [field]) for field in fields]
        enough = [values for values in columns if len(values) >= len(names)]
        if not enough:
            return {}
        times = self.randomness.sample(self.randomness.choice(enough), k=len(names))
        return dict(zip(names, sorted(times, key=moment), strict=True))

    def _in_each_order(self, endpoint: Endpoint, requests: Sequence[Request]) -> list[Request]:
        """The requests, the first of them with each order that their body can have, as far as there are enough."""
        parts = [] if endpoint.body is None else endpoint.body.entries("properties")
        sorts = {name: list(part.value["x-sorts"]) for name, part in parts if "x-sorts" in part.value}
        found = list(requests)
        for name, words in sorts.items():
            orders = self.randomness.sample(words, k=min(len(words), len(found)))
            for place, word in enumerate(orders):
                found[place] = replace(found[place], body={**(found[place].body or {}), name: word})
        return found

    def _without_values(self, request: Request) -> Request:
        """A request in which some query parameters have no value."""
        path, _, query = request.path.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        emptied = set(self.randomness.sample(range(len(pairs)), k=self.randomness.randint(1, len(pairs))))
        pairs = [(name, "" if place in emptied else value) for place, (name, value) in enumerate(pairs)]
        return replace(request, path=f"{path}?{urlencode(pairs)}")

    def _values_of_example(self, schema: Place, example: Mapping[str, Any]) -> dict[str, Any]:
        """The values of an example, slightly changed; mostly without its filters, since few rows meet all of these."""
        has_filters = self.randomness.choice(WITH_FILTERS)
        parts = dict(schema.entries("properties"))
        return {
            name: self._near(parts[name].value, value) if name in parts else value
            for name, value in example.items()
            if has_filters or name not in parts or "x-filters" not in parts[name].value
        }

    def _near(self, schema: Mapping[str, Any], value: Any) -> Any:
        """A number or time close to another one; any other value unchanged."""
        if schema.get("type") in ("integer", "number") and isinstance(value, int | float):
            number = value * self.randomness.choice(FACTORS)
            return int(number) if schema["type"] == "integer" else number
        if schema.get("format") == "date-time":
            return (moment(value) + timedelta(hours=self.randomness.choice(SHIFTS))).isoformat()
        return value

    def _few(self, schema: Place, body: Mapping[str, Any]) -> dict[str, Any]:
        """A body with only some of its filters, and sometimes without the other values."""
        filters = [name for name, part in schema.entries("properties") if "x-filters" in part.value and name in body]
        chosen = self.randomness.sample(filters, k=min(len(filters), self.randomness.choice(FILTERS)))
        has_others = self.randomness.choice([True, False])
        return {
            name: value
            for name, value in body.items()
            if (name in chosen if name in filters else has_others or isinstance(value, dict))
        }


def can_differ(endpoint: Endpoint) -> bool:
    """Whether requests to an operation can differ: they name rows, or have a body or a search text."""
    if endpoint.body is not None or endpoint.named_fields:
        return True
    is_named = any("x-texts-of" in each.value for each in endpoint.parameters)
    return is_named or any(map(takes_text, endpoint.query))


def has_names(samples: Samples, endpoint: Endpoint) -> bool:
    """Whether a value is known for each parameter that names a row."""
    return all(samples.seen(table, [field]) for table, field in endpoint.named_fields.values())


def names_in(endpoint: Endpoint, rows: Mapping[str, Row]) -> dict[str, str]:
    """The values of the parameters of a path, as far as these are fields of some rows."""
    return {
        name: str(rows[table][field])
        for name, (table, field) in endpoint.named_fields.items()
        if table in rows and field in rows[table]
    }


def path_with(endpoint: Endpoint, names: Mapping[str, str]) -> str:
    """The path of an operation with some of its parameters replaced by values."""
    path = endpoint.path
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", quote(value, safe="", errors="replace"))
    return path


def takes_shown(parameter: Place) -> bool:
    """Whether a query parameter takes a time, or any text."""
    return is_timed(parameter) or takes_text(parameter)


def is_timed(parameter: Place) -> bool:
    return bool(parameter["schema"].value.get("format") == "date-time")


def takes_text(parameter: Place) -> bool:
    """Whether a query parameter takes any text, such as a search text."""
    schema = parameter["schema"].value
    is_any = schema["type"] == "string" and schema.keys().isdisjoint(("format", "enum"))
    return is_any and not parameter.value.get("required")


def plain(request: Request) -> Request:
    """A request without its query."""
    return replace(request, path=request.path.partition("?")[0])


def texts_in(body: Any, *, times: bool) -> list[str]:
    """The different times in a response, or else its other texts."""
    texts = (value for _, value in leaves("", body) if isinstance(value, str) and is_time(value) == times)
    return list(dict.fromkeys(texts))


def times_among(schema: Place) -> list[str]:
    """The names of the properties that are times."""
    return [name for name, part in schema.entries("properties") if part.value.get("format") == "date-time"]


def with_nulls(schema: Place, request: Request) -> Request:
    """A request whose body has what is required, and null for all other properties that can be null."""
    given = request.body if isinstance(request.body, dict) else {}
    required = schema.value.get("required", ())
    kept = {name: value for name, value in given.items() if name in required}
    nulls = {name: None for name, part in schema.entries("properties") if name not in required and may_be_null(part)}
    return replace(request, body={**kept, **nulls})


def may_be_null(schema: Place) -> bool:
    return bool(schema.value.get("nullable")) and None in schema.value.get("enum", [None])
