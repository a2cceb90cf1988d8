"""The checks: one module for each kind of rule, all with a function that takes what it needs and asks."""
