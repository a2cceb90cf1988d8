"""Requests of the journal, made without a server."""

from understudy.http.journal import Exchange


def answered(exchange: Exchange, status: int, body: bytes) -> Exchange:
    """A request whose whole response is recorded."""
    exchange.add_to_response(status, body, ())
    exchange.end()
    return exchange
