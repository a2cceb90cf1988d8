"""Broken servers: proxies before a correct stand-in, each of which changes one behaviour.

They measure tools that judge servers. `python -m tests.mutants` lets Schemathesis and
`understudy verify` judge each of them, and writes a table of those that are caught.
"""
