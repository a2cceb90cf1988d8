"""The control API: what a server holds and was asked, and how tests put it where they want it."""

PATH = "/__admin"  # where its contract says that it is
