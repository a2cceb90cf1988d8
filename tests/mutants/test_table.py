"""The table of caught mutants."""

from tests.mutants.judges import Judgement, Outcome
from tests.mutants.mutant import Mutant, unchanged
from tests.mutants.table import Trial, share, table


def test_table_has_a_line_for_each_mutant_and_a_total() -> None:
    caught, missed = Judgement(Outcome.CAUGHT, 3.4), Judgement(Outcome.MISSED, 60.2)
    trials = [
        Trial(Mutant("one", "It says a|b.", unchanged, []), {"Schemathesis": missed, "verify": caught}),
        Trial(Mutant("two", "It says nothing.", unchanged, []), {"Schemathesis": missed, "verify": caught}),
        Trial(
            Mutant("three", "It ends.", unchanged, []), {"Schemathesis": caught, "verify": Judgement(Outcome.ERROR, 1)}
        ),
    ]
    assert table(trials).splitlines() == [
        "| mutant | what it does | Schemathesis | s | verify | s |",
        "| --- | --- | --- | ---: | --- | ---: |",
        "| `one` | It says a\\|b. | missed | 60 | caught | 3 |",
        "| `two` | It says nothing. | missed | 60 | caught | 3 |",
        "| `three` | It ends. | caught | 3 | error | 1 |",
        "| **3 mutants** |  | **1 (33%)** | 124 | **2 (67%)** | 8 |",
    ]
    assert share(trials, "verify") == 2 / 3
