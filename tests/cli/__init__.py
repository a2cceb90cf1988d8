"""Commands: their arguments, output, interrupts, paths and connections, tried as a user does."""
