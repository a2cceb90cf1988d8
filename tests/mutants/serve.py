"""`python -m tests.mutants.serve NAME`: a broken server on the demo set, in a separate process."""

import sys

import click

from tests.apps import app_on
from tests.mutants.generated import generated
from tests.mutants.generated.vocabulary import operation_of
from tests.mutants.judges import CORRECT
from tests.mutants.known import MUTANTS
from tests.mutants.mutant import unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import READS, Proxy, listen, server_of
from understudy.operations.api_folder import Api, own_folder
from understudy.verify.requests.endpoint_map import EndpointMap


def main(name: str) -> None:
    """Serve until the process gets a signal to stop. The first line of its output is the URL.

    Args:
        name: a mutant's, or CORRECT.
    """
    behaviours = {CORRECT: unchanged, **{mutant.name: mutant.behaviour for mutant in MUTANTS}}
    api = Api.load(own_folder())
    behaviours |= {mutant.name: mutant.behaviour for mutant in generated(api.contract)}
    reads = [operation_of(endpoint) for endpoint in EndpointMap.of(api.contract).endpoints if endpoint.is_safe]
    app = app_on(own_folder() / "fixtures" / "demo", api)
    listener, url = listen()
    click.echo(url)
    server_of(Proxy(Inside(app), behaviours[name], "|".join([READS, *reads]))).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
