"""What is told of a verdict: in a terminal, to other programs, and as a page."""
