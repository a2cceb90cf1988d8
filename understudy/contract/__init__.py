"""The contract: its document, its schemas as validators, and what it says of tables."""
