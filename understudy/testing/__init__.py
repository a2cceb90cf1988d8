"""Servers and workspaces for tests."""
