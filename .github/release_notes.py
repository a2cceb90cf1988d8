"""Print the changelog's section of a release: `python .github/release_notes.py v1.2.0`.

Ends with status 1 where the tag is not the package's version, or the changelog has no section for it.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)


def notes(tag: str, changelog: str, version: str) -> str:
    """The text below a version's heading in a changelog.

    Raises:
        ValueError: the tag does not name this version, or the version has no section.
    """
    if tag != f"v{version}":
        raise ValueError(f"the tag {tag} is not the package's version: set __version__, or tag v{version}")
    section = re.search(rf"^## {re.escape(version)}(?: [^\n]*)?\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if section is None or not section[1].strip():
        raise ValueError(f"CHANGELOG.md has no section for {version}: rename `## Unreleased` to `## {version}`")
    return section[1].strip()


def main() -> None:
    """Print the section for the tag that is the first argument."""
    package = (ROOT / "understudy" / "version.py").read_text(encoding="utf-8")
    version = VERSION.search(package)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    try:
        sys.stdout.write(f"{notes(sys.argv[1], changelog, version[1] if version else '')}\n")
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
