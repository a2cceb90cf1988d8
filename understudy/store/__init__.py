"""The store: a workspace that outlives its process, in a TinyDB file."""
