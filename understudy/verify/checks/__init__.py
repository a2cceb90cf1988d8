"""The checks: a module for each kind of rule, mostly with a function `check`."""
