"""Which rows filters select: as returned, and as worked out from other filters."""
