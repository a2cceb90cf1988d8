"""The table of caught mutants."""

from tests.mutants.judges import Judgement, Outcome
from tests.mutants.mutant import Mutant, unchanged
from tests.mutants.table import Trial, rate, share, table


def test_table_has_a_line_for_each_mutant_and_a_total() -> None:
    caught, missed = Judgement(Outcome.CAUGHT, 3.4, shown=12), Judgement(Outcome.MISSED, 60.2, shown=0)
    trials = [
        Trial(Mutant("one", "It says a|b.", unchanged, []), {"Schemathesis": missed, "verify": caught}),
        Trial(Mutant("two", "It says nothing.", unchanged, []), {"Schemathesis": missed, "verify": caught}),
        Trial(
            Mutant("three", "It ends.", unchanged, []), {"Schemathesis": caught, "verify": Judgement(Outcome.ERROR, 1)}
        ),
    ]
    assert table(trials).splitlines() == [
        "| mutant | what it does | Schemathesis | shown | s | verify | shown | s |",
        "| --- | --- | --- | ---: | ---: | --- | ---: | ---: |",
        "| `one` | It says a\\|b. | missed | 0 | 60 | caught | 12 | 3 |",
        "| `two` | It says nothing. | missed | 0 | 60 | caught | 12 | 3 |",
        "| `three` | It ends. | caught | 12 | 3 | error | ? | 1 |",
        "| **3 mutants** |  | **1 (33%)** |  | 124 | **2 (67%)** |  | 8 |",
    ]
    assert share(trials, "verify") == 2 / 3


def test_rate_counts_the_missed_mutants_that_no_request_showed() -> None:
    shown = {"caught": (Outcome.CAUGHT, 3), "unseen": (Outcome.CAUGHT, 0), "missed": (Outcome.MISSED, 2)}
    shown |= {"hidden": (Outcome.MISSED, 0), "failed": (Outcome.ERROR, 0)}
    trials = [
        Trial(Mutant(name, "It ends.", unchanged, []), {"verify": Judgement(outcome, 1, shown=count)})
        for name, (outcome, count) in shown.items()
    ]
    expected = "verify caught 2 of 5 generated mutants; 2 of the others were shown by no request."
    assert rate(trials, "verify", "generated") == expected
