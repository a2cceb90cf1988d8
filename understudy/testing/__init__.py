"""For tests: a server for a block of code, and a workspace for each test."""
