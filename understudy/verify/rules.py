"""The rules that answers must keep, whatever the data is. Each is a sentence; the checks are in `checks/`."""

from understudy.reports.verdict import Rule

ANSWERED = Rule("answered", "Every request that keeps the contract is answered with success.")
STEADY = Rule("steady", "The same request, asked twice, has the same answer as long as nobody writes.")
SHAPE = Rule("shape", "An answer has a status that the contract names, and the body that it names for it.")
FORM = Rule("form", "A row is written in the contract's own form, and the same wherever it is shown.")
ONCE = Rule("once", "A row is in a list at most once.")

COUNT = Rule("count", "A count is the length of the full list.")
PAGE = Rule("page", "A page is the slice of the full list that it says it is, and no longer than its limit.")
TILES = Rule("tiles", "Pages of any size tile the full list, without overlap or gap.")
SORT = Rule("sort", "Rows stand in the order asked for; a null is smaller than any value.")
REVERSE = Rule("reverse", "The reverse sort is the reverse order.")

CRITERION = Rule("criterion", "The rows of an answer are those that meet the criterion, and no others.")
NOTHING_ASKED = Rule("nothing asked", "What is null, empty or left out asks for nothing.")
NOBODY = Rule("nobody", "A value that no row has is met by no row.")
UNION = Rule("union", "any_ of several values is the union of each.")
REST = Rule("rest", "not_any_ is the rest: every row that has a value, and none of those.")
INTERSECTION = Rule("intersection", "all_ of several values is the intersection of each.")
PATTERN = Rule(
    "pattern", "like_ is met by what contains the pattern, in either case; % is any characters and _ is any one."
)
PARTITION = Rule("partition", "True and false ask for the two halves of the whole.")
BOUNDS = Rule("bounds", "before_ and after_ include their moment, and grow with it.")
COMBINED = Rule("combined", "and_ is the intersection of its criteria, or_ is their union, at every level.")
THROUGH_IDS = Rule("through ids", "A filter over related rows is the same as asking for their ids first.")

READ = Rule("read", "A row that is looked up is the row that the list shows; an unknown one is a 404.")
DERIVED = Rule("derived", "The latest of a key is the newest row of that key, and there is one for each key.")
REFUSED = Rule("refused", "What breaks the contract is refused with the contract's error, and nothing else is.")
IGNORED = Rule("ignored", "An unknown name at the top of a query is ignored, as the contract says.")
METHOD = Rule("method", "A method that a path does not have is a 405 that names one that it has.")

CREATED = Rule("created", "What is created is answered with its row: what was sent, and the defaults for the rest.")
UNIQUE = Rule("unique", "What is unique is created once; again, it is found as it is.")
FOUND = Rule("found", "After a write, every filter that the row meets finds it, and none other.")
UPDATED = Rule("updated", "An update changes what it names, moves `updated`, and leaves the rest.")
DELETED = Rule("deleted", "A delete removes the row everywhere, and no other.")

READING = (
    ANSWERED,
    STEADY,
    SHAPE,
    FORM,
    ONCE,
    COUNT,
    PAGE,
    TILES,
    SORT,
    REVERSE,
    CRITERION,
    NOTHING_ASKED,
    NOBODY,
    UNION,
    REST,
    INTERSECTION,
    PATTERN,
    PARTITION,
    BOUNDS,
    COMBINED,
    THROUGH_IDS,
    READ,
    DERIVED,
    REFUSED,
    IGNORED,
    METHOD,
)
WRITING = (
    CREATED,
    UNIQUE,
    FOUND,
    UPDATED,
    DELETED,
)
