"""`understudy verify`: whether a server keeps the contract."""
