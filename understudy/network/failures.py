"""Why no response came: the errors of connections as reasons that say what to do."""

import socket
import ssl
from collections.abc import Iterator

from understudy.network.transport import BY_PROXY
from understudy.text import one_line


def reason_of(error: Exception) -> str:
    """Why a request got no response, on one line. Where the cause suggests what to do, the reason says that."""
    text = one_line(str(error)) or type(error).__name__
    if BY_PROXY in text:  # the cause may be the proxy's
        return text
    for cause in causes(error):
        if isinstance(cause, ConnectionRefusedError):
            return f"{text}; is the server running?"
        if isinstance(cause, socket.gaierror):
            return f"{text}; is this the name of the host?"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{text}; trust it with --ca-file FILE or --insecure"
        if isinstance(cause, ssl.SSLError):
            return f"{text}; does the server use TLS? Otherwise its URL begins with http://"
    return text


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what it was raised for."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
