"""The store: a workspace that is saved in a TinyDB file."""
