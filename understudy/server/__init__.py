"""A server: its process, its application, its log and its reloading."""
