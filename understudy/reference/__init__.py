"""An Understudy in this process, with whose responses those of other servers are compared."""
