"""Tables: numbered rows as encoded JSON, with indexes by key and in order."""
