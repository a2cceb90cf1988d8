"""What a call to the control API raises."""

from understudy.errors import UnderstudyError


class ControlError(UnderstudyError):
    """A call to the control API failed: it was refused, or the server has no control API."""


class Refused(ControlError):
    """The response is an error of the control API."""


class Unrecognized(Refused):
    """The response does not look like one of Understudy's."""
