"""The operations of the control API: one module per tag, and one function per operation, which takes the `site`."""
