"""The runs that schedules create."""
