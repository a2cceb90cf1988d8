"""Faults: what goes wrong on purpose, by rules."""
