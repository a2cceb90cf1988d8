"""Requests that show what was written."""

from tests.mutants.known.vocabulary import any_of
from tests.mutants.mutant import delete, get, patch, post

MINE = post("/artifacts/", key="mine", type="table", description="first", data=1.5, metadata_={"a": "b"})
MINE_AGAIN = post("/artifacts/", key="mine", data=2)
READ, CHANGE, DELETE = get("/artifacts/$1"), patch("/artifacts/$1", data=2), delete("/artifacts/$1")
LIST_MINE = post("/artifacts/filter", artifacts={"key": any_of("mine")}, sort="KEY_ASC")
COUNT = post("/artifacts/count")

MY_FLOW, OTHER_FLOW = post("/flows/", name="mine", tags=["b", "a"], labels={"n": 1}), post("/flows/", name="other")
READ_MY_FLOW, DELETE_MY_FLOW = get("/flows/$1"), delete("/flows/$1")
DELETE_ONE_OF_TWO = post("/flows/bulk_delete", flows={"name": any_of("mine", "other")}, limit=1)
COUNT_MY_FLOWS = post("/flows/count", flows={"name": any_of("mine", "other")})
