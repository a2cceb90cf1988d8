"""Understudy: a stand-in for a REST API, played from its OpenAPI contract and a set of fixtures."""

__version__ = "0.1.0"
