"""The operations of an API folder: how their requests are read, and what handles them."""
