"""One module a resource, one function an operation of `openapi.yaml`.

A function takes the `workspace` and what its operation declares: path and query parameters by name,
the `body` as it was validated, or, where the body selects rows, `criteria` with the body's other
names. One that takes `headers` gets those of the request, by their names in lower case. It returns
the answer's JSON (bytes as they are, other values encoded), alone or with a status; alone it is
answered with the first success that the contract names. It must not change what it is given, since
what a body says is remembered.
"""

CONFLICT = (
    "Data integrity conflict. This usually means a unique or foreign key constraint was violated. See server logs for "
    "details."
)
"""The detail of a 409 for a change that breaks a unique or a foreign key."""
