"""`understudy` with a contract of only artifacts and flows: `python -m tests.verify.reduced verify URL`."""

from dataclasses import replace
from functools import cache

from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.verify import verify

KEPT = ("/artifacts", "/flows", "/health", "/ready", "/hello", "/version", "/admin/version", "/csrf-token")


@cache
def reduced_contract() -> Contract:
    """The contract without most operations. The other tables are known only from the filters over them."""
    contract = Contract.load(own_folder() / "openapi.yaml")
    paths = {path: item for path, item in contract.document["paths"].items() if path.startswith(KEPT)}
    return replace(contract, document={**contract.document, "paths": paths})


if __name__ == "__main__":
    from understudy.__main__ import run

    verify.own_contract = reduced_contract
    run()
