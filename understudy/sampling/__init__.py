"""Requests that clients of a server send: drawn at random or fixed, and the answers to them."""
