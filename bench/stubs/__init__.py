"""Servers with ready responses, run in the environment that the benchmark installs."""
