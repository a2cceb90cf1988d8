"""The table of who was caught."""

from tests.mutants.judges import Judgement, Outcome
from tests.mutants.lie import Lie, honest
from tests.mutants.table import Trial, share, table


def test_a_table_has_a_line_for_each_lie_and_one_for_all() -> None:
    caught, missed = Judgement(Outcome.CAUGHT, 3.4), Judgement(Outcome.MISSED, 60.2)
    trials = [
        Trial(Lie("one", "It says a|b.", honest, []), {"Schemathesis": missed, "verify": caught}),
        Trial(Lie("two", "It says nothing.", honest, []), {"Schemathesis": missed, "verify": caught}),
        Trial(Lie("three", "It ends.", honest, []), {"Schemathesis": caught, "verify": Judgement(Outcome.ERROR, 1)}),
    ]
    assert table(trials).splitlines() == [
        "| lie | what it does | Schemathesis | s | verify | s |",
        "| --- | --- | --- | ---: | --- | ---: |",
        "| `one` | It says a\\|b. | missed | 60 | caught | 3 |",
        "| `two` | It says nothing. | missed | 60 | caught | 3 |",
        "| `three` | It ends. | caught | 3 | error | 1 |",
        "| **3 lies** |  | **1 (33%)** | 124 | **2 (67%)** | 8 |",
    ]
    assert share(trials, "verify") == 2 / 3
