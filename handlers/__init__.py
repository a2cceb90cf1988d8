"""One module per resource, and one function per operation of `openapi.yaml`.

A function takes the `workspace` and the arguments that its operation declares: path and query parameters by name, and
the validated `body` or, if the body selects rows, `criteria` and the other properties of the body. With an argument
`headers`, it gets the headers of the request, by their names in lower case. It returns the JSON of the response (bytes
unchanged, other values to be encoded), alone or with a status. Without a status, the response has the first success
status in the contract. A function must not change its arguments, since validated bodies are cached.
"""

CONFLICT = (
    "Data integrity conflict. This usually means a unique or foreign key constraint was violated. See server logs for "
    "details."
)
"""The detail of a 409 for a change that violates a unique or foreign key constraint."""
