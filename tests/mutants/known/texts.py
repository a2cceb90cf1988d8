"""Patterns and names that match other texts than they should."""

import re

from tests.mutants.behaviours import reads_with, shows_where
from tests.mutants.known.vocabulary import QUERIES, any_of, like
from tests.mutants.mutant import Mutant, post
from tests.mutants.paths import at, of

KEY_LIKE, FLOW_LIKE = "artifacts.key.like_", "flows.name.like_"


def meets(pattern: str, text: str | None, letters: str = "%_", flags: int = re.IGNORECASE) -> bool:
    """Whether a text contains a pattern, of whose wildcards only these letters are ones."""
    wild = {letter: {"%": ".*", "_": "."}[letter] for letter in letters}
    piece = "".join(wild.get(letter, re.escape(letter)) for letter in pattern)
    return text is not None and re.search(piece, text, flags | re.ASCII | re.DOTALL) is not None


MUTANTS = [
    Mutant(
        "like-minds-case",
        "`flows.name.like_` distinguishes upper from lower case.",
        shows_where("/flows", FLOW_LIKE, lambda row, pattern: meets(pattern, row["name"], flags=0)),
        [post("/flows/count", flows={"name": like("REPORT")})],
    ),
    Mutant(
        "like-from-the-start",
        "`artifacts.key.like_` is met at the start of a key only.",
        shows_where("/artifacts", KEY_LIKE, lambda row, pattern: meets(f"\0{pattern}", f"\0{row['key']}")),
        [post("/artifacts/count", artifacts={"key": like("counts")})],
    ),
    Mutant(
        "underscore-is-a-letter",
        "In `flows.name.like_` an underscore stands for itself.",
        shows_where("/flows", FLOW_LIKE, lambda row, pattern: meets(pattern, row["name"], letters="%")),
        [post("/flows/count", flows={"name": like("daily_report")})],
    ),
    Mutant(
        "percent-is-a-letter",
        "In `artifacts.key.like_` a percent sign stands for itself.",
        shows_where("/artifacts(/latest)?", KEY_LIKE, lambda row, pattern: meets(pattern, row["key"], letters="_")),
        [post("/artifacts/latest/count", artifacts={"key": like("row%counts")})],
    ),
    Mutant(
        "any-minds-no-case",
        "`flows.name.any_` finds names in other cases.",
        reads_with(QUERIES, at(r"flows.name.any_.\d+", of(str, str.lower))),
        [post("/flows/count", flows={"name": any_of("DAILY-REPORT")})],
    ),
]
