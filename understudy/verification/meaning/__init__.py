"""What answers mean: relations that hold between them whatever the data is, generated from the contract."""
