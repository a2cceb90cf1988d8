"""Which rows filters select: as the server returns them, and as they follow from other filters."""
