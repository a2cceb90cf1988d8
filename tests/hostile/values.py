"""Single values: numbers, texts, ids and times that are invalid, or nearly."""

import json

from tests.hostile.inputs import ARTIFACTS, COUNT, FILTER, FLOWS, NOBODY, Input, get, post, row

LARGE = 2**63
DIGITS = "9" * 4000
# The text of a number, and the status as an artifact's data, as a limit and as a bound of a filter.
NUMBERS: tuple[tuple[str, int, int, int], ...] = (
    ("1e400", 201, 422, 422),
    ("-1e400", 201, 422, 422),
    ("1e-400", 201, 200, 200),
    ("0.1e-400", 201, 200, 200),
    ("-0", 201, 200, 200),
    ("-0.0", 201, 200, 200),
    ("1E+2", 201, 200, 200),
    (f"{LARGE - 1}", 201, 422, 200),
    (f"{LARGE}", 201, 422, 200),
    (f"{-LARGE}", 201, 422, 200),
    (f"{-LARGE - 1}", 201, 422, 200),
    (f"{2 * LARGE}", 201, 422, 200),
    (DIGITS, 201, 422, 200),
    (f"-{DIGITS}", 201, 422, 200),
    (f"0.{DIGITS * 2}", 201, 200, 200),
    ("9" * 5000, 400, 400, 400),
    ("NaN", 201, 422, 422),
    ("Infinity", 201, 422, 422),
    ("-Infinity", 201, 422, 422),
    ("nan", 422, 422, 422),
    ("01", 422, 422, 422),
    ("+1", 422, 422, 422),
    (".5", 422, 422, 422),
    ("1.", 422, 422, 422),
    ("0x10", 422, 422, 422),
    ("1_000", 422, 422, 422),
    ("\uff11", 422, 422, 422),
    ('"\uff11"', 201, 422, 422),
    ('"1e2"', 201, 422, 422),
    ('"' + "9" * 5000 + '"', 201, 422, 422),
)
# A text in JSON, and the status as an artifact's data, as a flow's name and in a filter.
TEXTS: tuple[tuple[str, str, int, int, int], ...] = (
    ("half a pair", r'"\ud800"', 422, 422, 422),
    ("the other half", r'"\udfff"', 422, 422, 422),
    ("halves in the wrong order", r'"\udc00\ud800"', 422, 422, 422),
    ("a whole pair", r'"\ud83d\ude00"', 201, 201, 200),
    ("NUL", r'"a\u0000b"', 201, 201, 200),
    ("all controls", json.dumps("".join(map(chr, range(32)))), 201, 201, 200),
    ("emoji of many parts", '"\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"', 201, 201, 200),
    ("from right to left", '"\u202eabc\u05d0\u05d1"', 201, 201, 200),
    ("no width", '"a\u200b\u200c\ufeffb"', 201, 201, 200),
    ("many marks", json.dumps("e" + "\u0301" * 1000, ensure_ascii=False), 201, 201, 200),
    ("line separators", '"\u2028\u2029\u0085"', 201, 201, 200),
    ("no character", '"\uffff\ufdd0"', 201, 201, 200),
    ("long", json.dumps("x" * 40_000), 201, 201, 200),
    ("markup", json.dumps("<script>alert(1)</script>'; DROP TABLE flows; --"), 201, 422, 200),
    ("a format", json.dumps("{0.__class__} %s %n ${jndi:ldap://x} {{7*7}}"), 201, 422, 200),
    ("escapes of terminals", r'"\u001b[2J\u001b]0;x\u0007"', 201, 201, 200),
)
KEYS = (
    ("half a pair", r'{"\ud800":1}', 422),
    ("NUL", r'{"\u0000":1}', 201),
    ("nothing", '{"":1}', 201),
    ("twice the same", '{"a":1,"a":2}', 201),
    ("__proto__", '{"__proto__":{"a":1},"constructor":1,"__class__":1}', 201),
    ("emoji", '{"\U0001f469\u200d\U0001f467":1}', 201),
    ("no width", '{"a\u200b":1,"a":2}', 201),
    ("from right to left", '{"\u202ea":1}', 201),
    ("long", json.dumps({"k" * 100_000: 1}), 201),
)
IDS = (
    "", "x", "0", NOBODY[:-1], NOBODY + "0", NOBODY.replace("-", "_"), f"{{{NOBODY}}}", f" {NOBODY} ",
    "g" * 32, "\uff10" * 32, "-" * 36, NOBODY + "\u0000", "urn:uuid:" * 3 + NOBODY, "0" * 100_000, "%00" * 12,
)  # fmt: skip
TIMES = (
    ("0000-01-01T00:00:00Z", 422), ("0001-01-01T00:00:00+23:59", 422), ("9999-12-31T23:59:59-23:59", 422),
    ("10000-01-01T00:00:00Z", 422), ("-0001-01-01T00:00:00Z", 422), ("2025-02-30T00:00:00Z", 422),
    ("2025-01-01T25:00:00Z", 422), ("2025-01-01T00:00:00+99:99", 422), ("2025-01-01T00:00:00.0000000000001Z", 200),
    ("99999999999999999999", 422), ("1e308", 422), ("-1e308", 422), ("nan", 422), ("P9999999999Y", 422),
    ("2025-W54-9", 422), ("2025-000", 422), ("2025-366", 422), ("\u0662\u0660\u0662\u0665-01-01", 422),
    ("2025-01-01T00:00:00Z" * 1000, 422), ("2025" + "-1" * 20_000, 422), ("\u0000", 422),
)  # fmt: skip
PAGES = (
    ('{"offset":9223372036854775807}', 200), ('{"offset":9223372036854775808}', 422), ('{"offset":-1}', 422),
    ('{"offset":-9223372036854775808}', 422), ('{"limit":0}', 200), ('{"limit":-1}', 422), ('{"limit":201}', 422),
    ('{"limit":9223372036854775807}', 422), ('{"limit":18446744073709551616}', 422),
    ('{"limit":1,"offset":18446744073709551615}', 422), ('{"offset":1e18}', 200), ('{"limit":"1","offset":"1"}', 200),
)  # fmt: skip


def short(text: str) -> str:
    return ascii(text if len(text) <= 40 else f"{text[:20]}... ({len(text)})")


def numbers() -> list[Input]:
    kinds = (
        ("data", ARTIFACTS, '{{"key":"hostile","data":{}}}', 1),
        ("limit", FILTER, '{{"limit":{}}}', 2),
        ("bound", COUNT, '{{"deployments":{{"concurrency_limit":{{"le_":{}}}}}}}', 3),
    )
    return [
        row(f"{kind}: {short(cells[0])}", int(cells[place]), post(path, body.format(cells[0])))
        for cells in NUMBERS
        for kind, path, body, place in kinds
    ]


def texts() -> list[Input]:
    rows = []
    for name, text, as_data, as_name, in_filter in TEXTS:
        filters = f'{{"artifacts":{{"key":{{"like_":{text}}},"type":{{"any_":[{text}]}}}}}}'
        rows += [
            row(f"data: {name}", as_data, post(ARTIFACTS, f'{{"key":"hostile","data":{text}}}')),
            row(f"name: {name}", as_name, post(FLOWS, f'{{"name":{text}}}')),
            row(f"filter: {name}", in_filter, post(FILTER, filters)),
        ]
    return rows


def keys() -> list[Input]:
    return [
        row(f"key in data: {name}", status, post(ARTIFACTS, f'{{"key":"hostile","data":{value}}}'))
        for name, value, status in KEYS
    ] + [
        row(f"key of the body: {name}", 422 if status == 422 else 200, post(COUNT, value))
        for name, value, status in KEYS
    ]


def ids() -> list[Input]:
    body = '{{"artifacts":{{"id":{{"any_":[{}]}}}}}}'
    accepted = (f"{{{NOBODY}}}", f" {NOBODY} ")
    return [
        row(f"id: {short(text)}", 200 if text in accepted[:1] else 422, post(COUNT, body.format(json.dumps(text))))
        for text in IDS
    ]


def times() -> list[Input]:
    body = '{{"flow_runs":{{"start_time":{{"before_":{}}}}}}}'
    return [row(f"time: {short(text)}", status, post(COUNT, body.format(json.dumps(text)))) for text, status in TIMES]


def pages() -> list[Input]:
    return [row(f"page: {body}", status, post(FILTER, body)) for body, status in PAGES] + [
        row("page: a limit of no requests", 422, get("/__admin/requests?limit=0")),
    ]


INPUTS = [*numbers(), *texts(), *keys(), *ids(), *times(), *pages()]
