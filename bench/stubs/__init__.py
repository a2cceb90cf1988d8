"""Servers that hold ready answers, run by the environment that the benchmark installs."""
