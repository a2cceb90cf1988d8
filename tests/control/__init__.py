"""Tests of what servers hold and were asked, who is let in, what goes wrong on purpose, and what is too much."""
