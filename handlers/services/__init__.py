"""The background services of a Prefect server, one module each.

`due` returns when there is something to do next, as long as no row changes, and `run` does what is due at the present
time. A real server checks every few seconds; here, work is done as of the first moment at which a real server could do
it.
"""
