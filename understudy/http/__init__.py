"""HTTP: the rooms that a request passes on its way to an operation, and what is sent back."""
