"""The document that a server publishes, held against the contract."""
