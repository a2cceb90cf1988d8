"""Fault injection by rules."""
