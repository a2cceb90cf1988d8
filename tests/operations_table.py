"""The table of operations in README.md, made from the contract: `python -m tests.operations_table` writes it."""

from pathlib import Path

from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- operations: written by `make tables` -->\n", "<!-- end of operations -->\n"


def table(contract: Contract) -> str:
    """A row for all paths of a tag that have the same methods, and how many operations are served."""
    rows: dict[tuple[str, str], list[str]] = {}
    served: dict[tuple[str, str], list[str]] = {}
    for _, place in contract.operations():
        path, _, method = place.path.removeprefix("/paths/").rpartition("/")
        served.setdefault((place.value["tags"][0], path), []).append(method.upper())
    for (tag, path), methods in served.items():
        rows.setdefault((tag, ", ".join(methods)), []).append(f"`{path}`")
    lines = [f"| {methods} | {', '.join(paths)} | {tag} |" for (tag, methods), paths in rows.items()]
    count = sum(map(len, served.values()))
    total = count + len(contract.planned)
    summary = f"All {total} operations of the real server are served.\n"
    if contract.planned:
        summary = (
            f"{count} of the {total} operations of the real server are served. The others are answered with 501.\n"
        )
    return "\n".join(["| method | path | tag |", "|---|---|---|", *lines, "", summary])


def written(text: str, contract: Contract) -> str:
    """A text with the table between its marks."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table(contract)}\n{END}{after}"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(written(text, Contract.read(own_folder() / "openapi.yaml")), encoding="utf-8")
