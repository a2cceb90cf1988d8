"""Workspaces: sets of tables, the operations on them, and their registry."""
