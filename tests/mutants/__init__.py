"""Broken servers: proxies before a correct stand-in, each of which changes one behaviour.

They show what a judge of servers is worth. `python -m tests.mutants` lets Schemathesis and
`understudy verify` judge each of them, and writes a table of who was caught.
"""
