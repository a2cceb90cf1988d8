"""A random session of writes, played on a real server and on the stand-in, with reads between."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from tests import jsonl
from tests.conftest import SMALL
from tests.drawing import queries
from tests.real.conftest import Pair, effort
from tests.real.record import fixture_text, settled
from tests.sessions import Player
from tests.writes import NUMBERS, Step, send
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.random_requests import Request

STEPS = 400


def test_random_session_has_the_same_responses(pair: Callable[[Path], Pair], randomness: random.Random) -> None:
    real, ours = (Player(api, fixture_text()) for api in pair(SMALL))
    contract = Contract.load(own_folder() / "openapi.yaml")
    tables = {"artifacts", "artifact_collections", "flows"}
    session = Session(queries(contract, SMALL, randomness, tables), randomness)
    done: list[Step] = []
    for step in session.steps(effort(STEPS)):
        done.append(step)
        expected, got = settled(real.play(*step)), settled(ours.play(*step))
        assert got == expected, f"step {len(done)}: {step}, after {done[-6:-1]}"


class Session:
    """Draws the steps of a session: writes to a few keys, names and ids, and reads of what they did."""

    def __init__(self, queries: Iterator[Request], randomness: random.Random) -> None:
        self.random = randomness
        self.queries = queries
        self.rows = {path.stem: jsonl.read(path) for path in SMALL.glob("*.jsonl")}
        self.keys = [f"key-{number}" for number in range(6)]
        self.names = [f"flow-{number}" for number in range(8)]

    def steps(self, count: int) -> Iterator[Step]:
        kinds = {
            self.create_artifact: 3, self.update_artifact: 2, self.delete_artifact: 2, self.create_flow: 2,
            self.update_flow: 1, self.delete_flow: 1, self.bulk_delete: 1, self.look: 2, self.read: 4,
        }  # fmt: skip
        for kind in self.random.choices(list(kinds), weights=list(kinds.values()), k=count):
            yield kind()

    def any_id(self, table: str) -> str:
        """An id that a server made, by its name, or one of the fixtures."""
        if self.random.random() < 0.6:
            return f"${self.random.randrange(1, 120)}"
        row_id: str = self.random.choice(self.rows[table])["id"]
        return row_id

    def fields(self) -> dict[str, object]:
        number = json.loads(self.random.choice(NUMBERS))
        values = {
            "data": self.random.choice([None, 1, "x", [1.0], {"a": None}, number]),
            "description": self.random.choice([None, "", "ünï"]),
            "metadata_": self.random.choice([None, {}, {"a": "b"}, {"long": "x" * 501}]),
        }
        return {name: values[name] for name in self.random.sample(list(values), k=self.random.randrange(4))}

    def create_artifact(self) -> Step:
        runs = {
            "flow_run_id": self.random.choice(self.rows["flow_runs"])["id"],
            "task_run_id": self.random.choice(self.rows["task_runs"])["id"],
            "type": self.random.choice(["table", "markdown", None]),
        }
        chosen = {name: runs[name] for name in self.random.sample(list(runs), k=self.random.randrange(4))}
        return send("POST", "/artifacts/", {"key": self.random.choice([*self.keys, None]), **self.fields(), **chosen})

    def update_artifact(self) -> Step:
        return send("PATCH", f"/artifacts/{self.any_id('artifacts')}", self.fields())

    def delete_artifact(self) -> Step:
        return send("DELETE", f"/artifacts/{self.any_id('artifacts')}")

    def create_flow(self) -> Step:
        tags = self.random.sample(["a", "b", "prod"], k=self.random.randrange(3))
        return send("POST", "/flows/", {"name": self.random.choice(self.names), "tags": tags})

    def update_flow(self) -> Step:
        body = self.random.choice([{}, {"tags": []}, {"tags": ["a", "a"]}])
        return send("PATCH", f"/flows/{self.any_id('flows')}", body)

    def delete_flow(self) -> Step:
        # Few flows of the fixture set are deleted, since their runs are deleted with them.
        table = "flows" if self.random.random() < 0.1 else "artifacts"
        return send("DELETE", f"/flows/{self.any_id(table)}")

    def bulk_delete(self) -> Step:
        name = self.random.choice(self.names)
        return send("POST", "/flows/bulk_delete", {"flows": {"name": {"like_": name}}, "limit": 1})

    def look(self) -> Step:
        """A read of one row."""
        return send("GET", self.random.choice([
            f"/artifacts/{self.any_id('artifacts')}", f"/artifacts/{self.random.choice(self.keys)}/latest",
            f"/flows/{self.any_id('flows')}", f"/flows/name/{self.random.choice(self.names)}",
        ]))  # fmt: skip

    def read(self) -> Step:
        """A random request with the same order on both servers: new ids differ, and equal keys may be in any order."""
        request = next(self.queries)
        sort = {"sort": "NAME_ASC" if request.path.startswith("/flows") else "CREATED_DESC"} if request.order else {}
        return send(request.method, request.path, {**request.body, **sort})
