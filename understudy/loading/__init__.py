"""Loading rows into a workspace: checked, completed, unique, and what is derived from them."""
