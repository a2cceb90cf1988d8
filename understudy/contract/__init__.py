"""The contract: its document, its schemas as validators, and its tables."""
