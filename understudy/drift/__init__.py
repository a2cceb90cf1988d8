"""Drift: where the OpenAPI document that a server publishes differs from the contract."""
