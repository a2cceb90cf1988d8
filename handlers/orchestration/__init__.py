"""What Prefect decides when the state of a run is set.

A `Policy` is a list of rules in order. Each rule is a function named as Prefect's class, and looks at one `Transition`
from a run's state to a proposed one. It may refuse it, change it, or note what else follows from it.
"""
