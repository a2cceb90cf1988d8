"""The operations of an API folder: reading requests, handlers, and built-in actions."""
