"""The rules that responses must keep, whatever the data is. The checks are in `checks/`."""

from understudy.reports.verdict import Rule

SUCCESS = Rule("success", "A valid request is answered with a success status.")
REPEATABLE = Rule("repeatable", "A request has one response while no rows change; what it leaves out has its default.")
ENCODING = Rule("encoding", "A request has the same response, however it is encoded.")
RESPONSE = Rule("response", "A response has a status of the contract, and a body that its schema allows.")
ROW_FORMAT = Rule("row format", "A row is written as the contract writes it, and the same in every response.")
DUPLICATES = Rule("duplicates", "A list has each row once.")

COUNT = Rule("count", "A count is the number of rows in the full list.")
PAGE = Rule("page", "A page is the requested part of the full list.")
PAGINATION = Rule("pagination", "Pages of any size together are the full list, without gaps or duplicates.")
SORT = Rule("sort", "Rows are in the requested order; null sorts before any value.")
REVERSE = Rule("reverse", "The opposite sort returns the opposite order.")

FILTER = Rule("filter", "A filter returns the rows that meet it, and no others.")
EMPTY_FILTER = Rule("empty filter", "A filter that is null, empty or left out restricts nothing.")
NO_MATCH = Rule("no match", "A value that no row has matches no row.")
UNION = Rule("union", "any_ with several values returns the rows of each value together.")
COMPLEMENT = Rule("complement", "not_any_ returns the rows that have a value, except those with a given one.")
INTERSECTION = Rule("intersection", "all_ with several values returns the rows that have all of them.")
PATTERN = Rule("pattern", "like_ matches texts that contain the pattern in any case; % is any text, _ any character.")
PARTITION = Rule("partition", "true and false split the rows in two, without overlap.")
BOUNDS = Rule("bounds", "before_ and after_ include the given time, and a wider bound returns at least the same rows.")
COMBINATION = Rule("combination", "and_ returns the intersection of its criteria and or_ their union, at every level.")
RELATED_ROWS = Rule("related rows", "A filter on related rows returns the same rows as a filter on their ids.")

LOOKUP = Rule("lookup", "A row is returned by its id or name as the list shows it; an unknown one is a 404.")
DERIVED = Rule("derived", "There is one latest row of each key, and it is the newest.")
SAME_ROWS = Rule("same rows", "A random request is answered as Understudy answers it with the same rows.")
INVALID_REQUEST = Rule(
    "invalid request", "An invalid request is rejected as the contract says; a valid one is not rejected."
)
UNKNOWN_NAME = Rule("unknown name", "An unknown name at the top level of a query is ignored.")
REDIRECT = Rule("redirect", "A path with a slash too many or too few is redirected, with 307, to the right path.")
METHOD = Rule("method", "A method that a path does not have is answered with 405 and the name of a method that it has.")
CROSS_ORIGIN = Rule("cross origin", "A page of another origin can read all responses, if it can read some.")

CREATE = Rule("create", "A create returns the new row: the values sent, and defaults for the rest.")
UNIQUE = Rule("unique", "A unique value is created once; a second create returns the existing row, or is a conflict.")
FOUND = Rule("found", "After a write, every filter that the row meets returns it, and no other does.")
UPDATE = Rule("update", "An update changes the given fields and `updated`, and nothing else.")
DELETE = Rule("delete", "A delete removes the row everywhere, and no other row.")

SCENARIO = Rule("scenario", "The requests of a sequence in the contract are answered as it says.")
SESSION = Rule("session", "A random sequence of requests is answered as Understudy itself answers it.")

READING = (
    SUCCESS,
    REPEATABLE,
    ENCODING,
    RESPONSE,
    ROW_FORMAT,
    DUPLICATES,
    COUNT,
    PAGE,
    PAGINATION,
    SORT,
    REVERSE,
    FILTER,
    EMPTY_FILTER,
    NO_MATCH,
    UNION,
    COMPLEMENT,
    INTERSECTION,
    PATTERN,
    PARTITION,
    BOUNDS,
    COMBINATION,
    RELATED_ROWS,
    LOOKUP,
    DERIVED,
    SAME_ROWS,
    INVALID_REQUEST,
    UNKNOWN_NAME,
    REDIRECT,
    METHOD,
    CROSS_ORIGIN,
)
WRITING = (
    CREATE,
    UNIQUE,
    FOUND,
    UPDATE,
    DELETE,
    SCENARIO,
    SESSION,
)
