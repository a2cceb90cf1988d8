"""Comparing the contract with another OpenAPI document."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from understudy.contract.contract import MEDIA_TYPE
from understudy.drift.openapi_document import Document, Operation, Part, Raw
from understudy.drift.schema_forms import KEYWORDS, Shape, schema_of

K = TypeVar("K")
V = TypeVar("V")
PARTED = ("enum", "items", "properties", "required", "additionalProperties")  # keywords that are compared part by part


@dataclass(frozen=True)
class Disagreement:
    """One difference between the contract and a document.

    `where` is its path in an operation ("body.owners.name"), or from the last schema on that path that has the same
    name in both ("OwnerFilter.name"). `aspect` is the part that differs, empty if only one side has it at all. A side
    without it is None.
    """

    where: str
    aspect: str
    contract: str | None
    document: str | None

    def __str__(self) -> str:
        subject = f"{self.where} {self.aspect}".rstrip()
        if self.contract is not None and self.document is not None:
            return f"{subject}: {self.contract} in the contract, {self.document} in the document"
        side, value = ("document", self.document) if self.contract is None else ("contract", self.contract)
        return f"{subject} only in the {side}" + (f": {value}" if value else "")


Disagreements = Iterator[Disagreement]


def of_operations(
    contract: Document, document: Document, ours: Operation | None, theirs: Operation | None
) -> Disagreements:
    if ours is None or theirs is None:
        yield from lacking("operation", ours, theirs)
        return
    request, answer = Sides(contract, document, is_sent=True), Sides(contract, document, is_sent=False)
    for left, right in together(ours.parameters, theirs.parameters).values():
        yield from request.parameters(left, right)
    yield from request.bodies("body", ours.body, theirs.body)
    for status in together(ours.responses, theirs.responses):
        yield from answer.bodies(f"response {status}", ours.response(status), theirs.response(status))


@dataclass(frozen=True)
class Sides:
    """The request or the responses of an operation in the two documents.

    Args:
        is_sent: whether it is the request, where defaults matter.
        seen: pairs of schemas that were compared, to compare each once and to end recursion.
    """

    contract: Document
    document: Document
    is_sent: bool
    seen: set[tuple[int, int]] = field(default_factory=set)

    def parameters(self, ours: Part | None, theirs: Part | None) -> Disagreements:
        given = ours or theirs or {}
        where = f"{given['in']} {given['name']}"
        if ours and theirs:
            yield from differing(where, "required", ours.get("required", False), theirs.get("required", False))
        yield from self.schemas(where, "", ours and ours.get("schema", True), theirs and theirs.get("schema", True))

    def bodies(self, where: str, ours: Part | None, theirs: Part | None) -> Disagreements:
        """Request bodies or responses."""
        if ours is None or theirs is None:
            yield from lacking(where, ours, theirs)
            return
        yield from differing(where, "required", ours.get("required", False), theirs.get("required", False))
        for media, (left, right) in together(content_of(ours), content_of(theirs)).items():
            yield from self.schemas(where if media == MEDIA_TYPE else f"{where} {media}", "content", left, right)

    def schemas(self, where: str, aspect: str, ours: Raw | None, theirs: Raw | None) -> Disagreements:
        """Compare two schemas, or report as `aspect` that only one side has a schema."""
        left = None if ours is None else schema_of(self.contract, ours)
        right = None if theirs is None else schema_of(self.document, theirs)
        if left is None or right is None:
            yield from differing(where, aspect, left and str(left), right and str(right))
        elif left.types != right.types:
            yield from differing(where, "type", str(left), str(right))
        elif (id(ours), id(theirs)) not in self.seen:
            self.seen.add((id(ours), id(theirs)))
            yield from differing(where, "nullable", left.nullable, right.nullable)
            if self.is_sent:
                yield from differing(where, "default", quoted(left.default), quoted(right.default))
            for one, other in self.pairs(left.shapes, right.shapes):
                yield from self.shapes(where, one, other)

    def pairs(self, ours: Sequence[Shape], theirs: Sequence[Shape]) -> Iterator[tuple[Shape, Shape]]:
        """Pairs of shapes of the same type that do not agree."""
        left, right = list(ours), list(theirs)
        for one in ours if len(ours) > 1 else ():
            for other in right:
                if self.agree(one, other):
                    left.remove(one)
                    right.remove(other)
                    break
        return zip(sorted(left, key=order_of), sorted(right, key=order_of), strict=True)

    def agree(self, ours: Shape, theirs: Shape) -> bool:
        trial = replace(self, seen=set(self.seen))
        return ours.type == theirs.type and not any(True for _ in trial.shapes("", ours, theirs))

    def shapes(self, where: str, ours: Shape, theirs: Shape) -> Disagreements:
        """Compare two shapes of one type."""
        place = ours.name if ours.name and ours.name == theirs.name else where
        left, right = ours.keywords, theirs.keywords
        for keyword in KEYWORDS.get(ours.type or "", ()):
            if keyword not in PARTED:
                yield from differing(place, keyword, left.get(keyword), right.get(keyword))
        yield from of_words(place, left.get("enum"), right.get("enum"))
        if ours.type == "array":
            yield from self.schemas(f"{place}[]", "", left.get("items", True), right.get("items", True))
        if ours.type == "object":
            yield from self.objects(place, left, right)

    def objects(self, where: str, ours: Part, theirs: Part) -> Disagreements:
        left, right = ours.get("properties", {}), theirs.get("properties", {})
        for name, (one, other) in together(left, right).items():
            yield from self.schemas(f"{where}.{name}", "", one, other)
        both = left.keys() & right.keys()
        needed = [[name for name in side.get("required", ()) if name in both] for side in (ours, theirs)]
        yield from of_lists(where, "required", *needed)
        more = [side.get("additionalProperties", True) for side in (ours, theirs)]
        if False in more:
            yield from differing(where, "additionalProperties", *(part is not False for part in more))
        else:
            yield from self.schemas(f"{where}.*", "", *more)


def differing(where: str, aspect: str, ours: Any, theirs: Any) -> Disagreements:
    """A disagreement if two values differ."""
    if ours != theirs:
        yield Disagreement(where, aspect, as_text(ours), as_text(theirs))


def lacking(where: str, ours: object | None, theirs: object | None) -> Disagreements:
    """A disagreement if only one side has something."""
    yield from differing(where, "", None if ours is None else "", None if theirs is None else "")


def of_words(where: str, ours: Sequence[Any] | None, theirs: Sequence[Any] | None) -> Disagreements:
    """Compare two enums."""
    left, right = (None if words is None else [str(as_text(word)) for word in words] for words in (ours, theirs))
    if left is None or right is None:
        yield from differing(where, "enum", left and ", ".join(left), right and ", ".join(right))
    else:
        yield from of_lists(where, "enum value", left, right)


def of_lists(where: str, aspect: str, ours: Sequence[str], theirs: Sequence[str]) -> Disagreements:
    """The items of only one of two lists, in any order."""
    missing, added = ([name for name in one if name not in other] for one, other in ((ours, theirs), (theirs, ours)))
    if missing:
        yield Disagreement(where, aspect, ", ".join(missing), None)
    if added:
        yield Disagreement(where, aspect, None, ", ".join(added))


def as_text(value: Any) -> str | None:
    return value if isinstance(value, str) else quoted(value)


def quoted(value: Any) -> str | None:
    """A value as JSON, to distinguish texts from numbers."""
    return None if value is None else json.dumps(value, default=str)


def content_of(part: Part) -> dict[str, Raw]:
    """The schemas of a body, by media type."""
    return {media.partition(";")[0]: held.get("schema", True) for media, held in part.get("content", {}).items()}


def order_of(shape: Shape) -> tuple[str, str]:
    return str(shape.type), shape.name or ""


def together(ours: Mapping[K, V], theirs: Mapping[K, V]) -> dict[K, tuple[V | None, V | None]]:
    """The items of both sides by key, ours first."""
    return {key: (ours.get(key), theirs.get(key)) for key in {**ours, **theirs}}
