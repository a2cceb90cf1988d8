"""What is requested: endpoints, the operators of filters, operands, and invalid bodies."""
