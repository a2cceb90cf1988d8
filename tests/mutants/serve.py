"""`python -m tests.mutants.serve NAME`: a broken server on the demo set, in a separate process."""

import sys

import click

from tests.apps import app_on
from tests.mutants.generated import generated
from tests.mutants.judges import CORRECT
from tests.mutants.known import MUTANTS
from tests.mutants.mutant import unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy, listen, server_of
from understudy.operations.api_folder import Api, own_folder


def main(name: str) -> None:
    """Serve until the process gets a signal to stop. The first line of its output is the URL.

    Args:
        name: a mutant's, or CORRECT.
    """
    behaviours = {CORRECT: unchanged, **{mutant.name: mutant.behaviour for mutant in MUTANTS}}
    api = Api.load(own_folder())
    behaviours |= {mutant.name: mutant.behaviour for mutant in generated(api.contract)}
    app = app_on(own_folder() / "fixtures" / "demo", api)
    listener, url = listen()
    click.echo(url)
    server_of(Proxy(Inside(app), behaviours[name])).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
