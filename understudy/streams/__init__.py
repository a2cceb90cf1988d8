"""Streams: WebSockets that the contract declares (`x-streams`), each with a handler."""
