"""`python -m tests.mutants.serve NAME`: the demo set as a broken server serves it, in a process of its own."""

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
    """Serve until the process is asked to stop. The first line that it writes is the URL.

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
