"""Holding servers to the contract: requests drawn from it, and answers compared."""
