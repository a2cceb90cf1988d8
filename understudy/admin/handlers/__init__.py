"""The operations of the control API: one module per tag, one function per operation, which gets the `site`."""
