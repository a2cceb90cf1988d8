"""`understudy verify`: checks whether a server keeps the contract."""
