"""Loading rows into a workspace: validation, defaults, references, uniqueness and derived tables."""
