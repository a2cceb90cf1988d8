"""Depth: lists and objects within each other, in each kind of body."""

from tests.hostile.inputs import ARTIFACTS, COUNT, FILTER, FLOWS, NOBODY, Input, post, row

DEPTHS = (10, 100, 195, 205, 900, 1001, 10_000, 1_000_000)
SHAPES = {
    "lists": ("[", "]", "1"),
    "objects": ('{"a":', "}", "1"),
    "lists of objects": ('[{"a":', "}]", "1"),
    "open lists": ("[", "", ""),
}
# Where it is, and the status as long as it is not too deep to be read, or to be stored.
BODIES = {
    "body": ("POST", FILTER, "", "", 422),
    "unknown": ("POST", COUNT, '{"nope":', "}", 200),
    "like_": ("POST", FILTER, '{"artifacts":{"key":{"like_":', "}}}", 422),
    "data": ("POST", ARTIFACTS, '{"key":"hostile","data":', "}", 201),
    "labels": ("POST", FLOWS, '{"name":"hostile","labels":{"a":', "}}", 422),
    "patch": ("PATCH", f"/api/artifacts/{NOBODY}", '{"data":', "}", 404),
    "search": ("POST", "/__admin/requests/count", '{"body":', "}", (200, 409, 422)),
    "rows": ("POST", "/__admin/fixtures", '{"rows":{"artifacts":[{"data":', "}]}}", 200),
    "rules": ("PUT", "/__admin/faults", '{"rules":', "}", 422),
}


def nested(shape: str, depth: int) -> str:
    opening, closing, inner = SHAPES[shape]
    times = depth // 2 if shape == "lists of objects" else depth
    return opening * times + inner + closing * times


def status(where: str, shape: str, depth: int) -> tuple[int, ...]:
    usual = BODIES[where][4]
    usual = usual if isinstance(usual, tuple) else (usual,)
    if depth > 1000:
        return (400,)
    if shape == "open lists" or (where == "body" and shape == "objects"):
        return (422,) if shape == "open lists" else (200,)
    return (422,) if depth > 200 and where in ("data", "patch", "search", "rows") else usual


def inputs() -> list[Input]:
    rows = []
    for where, (method, path, before, after, _) in BODIES.items():
        for depth in DEPTHS if where in ("body", "data") else (150, 500, 100_000):
            for shape in SHAPES if where == "body" else ("lists", "objects"):
                body = before + nested(shape, depth) + after
                name = f"{where}: {depth} {shape}"
                rows.append(row(name, status(where, shape, depth), post(path, body, method=method)))
    return rows


INPUTS = inputs()
