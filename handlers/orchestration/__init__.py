"""The rules by which Prefect accepts or changes a proposed state of a run.

A `Policy` is a list of rules in order. Each rule is a function with the name of Prefect's class. It gets a `Transition`
from a run's state to a proposed one, and may refuse it, change it, or add further effects.
"""
