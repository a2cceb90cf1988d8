"""Runs commands of Prefect's command line in one process, as importing it takes longer than most of them.

Runs under the real server's Python: reads a list of commands as JSON from stdin, and writes the status and the output
of each.
"""

# mypy: ignore-errors
import contextlib
import io
import json
import sys

from prefect.cli._app import _run_cli


def run(arguments: list[str]) -> tuple[int, str]:
    printed = io.StringIO()
    status = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            _run_cli(arguments)
        except SystemExit as end:
            status = end.code or 0
        except BaseException as error:  # noqa: BLE001 - what the command would have died of
            status, _ = -1, printed.write(repr(error))
    return status, printed.getvalue()


if __name__ == "__main__":
    json.dump([run(command) for command in json.load(sys.stdin)], sys.stdout)
