"""Sending random and saved requests to servers."""
