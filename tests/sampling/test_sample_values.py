"""Values drawn for filters: mostly those of the field, sometimes others of their kind."""

import random

from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.sample_values import Samples

FLOW_ID = "11111111-1111-4111-8111-111111111111"


def test_most_values_are_of_the_field_and_some_of_others() -> None:
    contract = Contract.load(own_folder() / "openapi.yaml")
    schemas = {schema.value["x-table"]: schema for schema in contract.schemas() if "x-table" in schema.value}
    samples, name = Samples(random.Random(1)), schemas["flows"]["properties"]["name"]
    samples.learn(schemas["flows"], [{"id": FLOW_ID, "name": "etl", "tags": []}])
    samples.learn(schemas["variables"], [{"id": FLOW_ID, "name": "region", "value": 1, "tags": []}])
    drawn = [samples.draw(name, "flows", ["name"]) for _ in range(200)]
    assert set(drawn) == {"etl", "region"}
    assert drawn.count("etl") > 150
