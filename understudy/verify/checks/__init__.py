"""The checks: a module for each kind of rule, each with a function `check`."""
