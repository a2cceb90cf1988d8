"""An Understudy in this process, whose responses those of other servers are compared with."""
