"""Tables: rows under numbers, as ready bytes, by key and in order."""
