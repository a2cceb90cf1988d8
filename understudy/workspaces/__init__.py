"""Workspaces: sets of tables, where their rows come from, and whose they are."""
