"""Filters: compiled from the contract to criteria, and criteria to the rows that meet them."""
