"""What is expected of a response, by the contract and the known rows."""
