"""Requests: endpoints, the operators of filters, operands, and invalid bodies."""
