"""Lists of rows compared up to ties: rows of the same sort key may stand in any order."""

from typing import Any

DEFAULT_SORTS = {"flows": "NAME_ASC", "artifacts": "ID_DESC"}


def sort_field(path: str, body: Any) -> str:
    """The field that a request to list rows sorts by."""
    asked = body.get("sort") if isinstance(body, dict) else None
    sort = asked or DEFAULT_SORTS[path.split("/")[1]]
    return sort.rpartition("_")[0].lower()


def same_up_to_ties(left: list[dict[str, Any]], right: list[dict[str, Any]], field: str) -> bool:
    """Whether two pages hold the same rows in the same order, where the sort decides.

    At either end of a page, a tie may have been cut in another place: there, rows may differ.
    """
    keys = [row[field] for row in left]
    if keys != [row[field] for row in right]:
        return False
    for key in dict.fromkeys(keys):
        at_an_end = key in (keys[0], keys[-1])
        left_ids, right_ids = (sorted(row["id"] for row in rows if row[field] == key) for rows in (left, right))
        if left_ids != right_ids and not (at_an_end and len(left_ids) > 0):
            return False
    return True
