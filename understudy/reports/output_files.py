"""Writing report files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from understudy import paths
from understudy.encoding import reason_of
from understudy.errors import UnderstudyError


def check(*targets: Path | None) -> None:
    """Check that files can be written, before the run that they report.

    Raises:
        UnderstudyError: a file cannot be written, or is named twice.
    """
    named = [path for path in targets if path is not None]
    for path in named:
        with write_errors(path):
            paths.check_output(path)
    for number, path in enumerate(named):
        if path.resolve() in [other.resolve() for other in named[:number]]:
            raise UnderstudyError(f"{path}: is given for two reports; use another file for one of them")


def make_folder(path: Path) -> None:
    """Make a folder for files, unless there is one.

    Raises:
        UnderstudyError: files cannot be written there.
    """
    if path.exists() and not path.is_dir():
        raise UnderstudyError(f"{path}: is not a folder")
    with write_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def write(path: Path, text: str) -> None:
    """Write a text as UTF-8. Lone surrogates, which UTF-8 cannot encode, become JSON escapes.

    Raises:
        UnderstudyError: the file cannot be written.
    """
    with write_errors(path):
        paths.write(path, text.encode("utf-8", "backslashreplace"))


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnderstudyError(f"{path}: cannot be written ({reason_of(error)})") from None
