"""The operations of the control API: one module a tag, one function an operation, given the `site`."""
