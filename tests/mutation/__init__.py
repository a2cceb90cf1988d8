"""Mutation testing: small changes to the engine, each of which some test should notice.

mutmut and cosmic-ray do not fit. mutmut switches its mutations on inside the process that runs the tests, and most
tests here start servers as processes; cosmic-ray runs one test command for all modules and draws no sample. So
mutations are drawn by a seed, applied in a copy of the checkout, and tried on the tests that run the changed line,
those nearest to its module first.
"""
