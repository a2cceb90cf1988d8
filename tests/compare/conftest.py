"""Servers of these tests keep their rows in memory."""

from tests.in_memory import keeping as keeping  # noqa: PLC0414 - a fixture of all tests in this folder
