"""Calls of the control API of a server, over HTTP."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx

from understudy.admin import PATH
from understudy.admin.control_errors import ControlError, Refused, Unrecognized
from understudy.admin.control_url import is_at, is_state, prefixes
from understudy.errors import UnderstudyError
from understudy.network.credentials import secret_flaw
from understudy.network.direct_transport import DirectTransport
from understudy.network.failures import reason_of
from understudy.network.network import Network
from understudy.network.proxies import without_password
from understudy.network.transport import Transport
from understudy.network.urls import url_flaw
from understudy.text import one_line
from understudy.values import in_utc

TIMEOUT = 60  # seconds; a large fixture set takes some to load
NO_KEEPALIVE = httpx.Limits(max_keepalive_connections=0)
JSON = {"content-type": "application/json"}
NO_JSON = object()
OURS = "control API"  # in each refusal of the state by an Understudy server, and hardly by another server


class ControlCalls:
    """Sends calls to the control API of a server.

    Args:
        url: a URL of the API on that server, without a slash at its end.
        transport: how the server is reached; None for a new one.
        token: the server's `admin_token`, if it has one.
        prefix: the prefix before the server's own paths; None to find it by trying.
        network: the proxy and the certificates for a new transport.

    Raises:
        ControlError: the URL, the token, the proxy or the certificates cannot be used.
    """

    def __init__(
        self, url: str, transport: httpx.BaseTransport | None, token: str | None, prefix: str | None, network: Network
    ) -> None:
        self._url = url
        if prefix is not None:
            self.prefix = prefix
        self._shown = without_password(url)
        flaw = None if token is None else secret_flaw("admin_token", token)
        if flaw is not None:
            raise ControlError(f"`token` {flaw}")
        flaw = url_flaw(url)
        if flaw is not None:
            raise ControlError(f"{self._shown} cannot be reached ({flaw})")
        self._proxy = network.proxy_for(url) if transport is None else None
        try:
            own = self._own_transport(network) if transport is None else None
            self._http = httpx.Client(
                base_url=site_of(url),
                headers={} if token is None else {"authorization": f"Bearer {token}"},
                trust_env=False,
                transport=transport or own,
            )
        except UnderstudyError as error:
            raise ControlError(str(error)) from None

    def _own_transport(self, network: Network) -> httpx.BaseTransport:
        """A transport that keeps no connections, since nobody closes it."""
        if self._proxy is None:
            return DirectTransport(network, keepalive=0, whole=True)
        return Transport(network, self._url, limits=NO_KEEPALIVE)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        missing_ok: bool = False,
        prefix: str | None = None,
        timeout: float | None = TIMEOUT,
    ) -> Any:
        """The result of a call. With `missing_ok`, None if what it is about does not exist.

        Args:
            method: of HTTP.
            path: below that of the control API.
            body: as JSON.
            params: of the query.
            missing_ok: whether what it is about may not exist.
            prefix: the prefix of the server's paths to try; None for the one that was found.
            timeout: how many seconds to wait for the response; None to wait until it comes.
        """
        before = self.prefix if prefix is None else prefix
        url = f"{before}{PATH}{path}"
        content = None if body is None else in_json(body)
        limits = httpx.Timeout(TIMEOUT, read=timeout)
        try:
            response = self._http.request(method, url, params=params, content=content, headers=JSON, timeout=limits)
        except httpx.ReadTimeout:
            raise ControlError(f"{self._shown} did not respond within {timeout} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ControlError(f"{self._shown} cannot be reached ({reason_of(error)})") from None
        value = value_of(response)
        if response.is_success and value is not NO_JSON:
            return value
        reason = reason_in(response, value)
        if missing_ok and reason and response.status_code == httpx.codes.NOT_FOUND:
            return None
        if reason and (prefix is None or OURS in reason):
            raise Refused(reason)
        via = "" if self._proxy is None else f" through the proxy {self._proxy}"
        there, why = without_password(str(response.url)), f" ({reason})" if reason else ""
        raise Unrecognized(f"{there} returned {response.status_code}{why}{via}; is it an Understudy server?")

    @cached_property
    def prefix(self) -> str:
        """The prefix of the server's paths in the URL."""
        path = urlsplit(self._url).path
        refusals: list[ControlError] = []
        others: list[ControlError] = []
        for prefix in prefixes(path):
            try:
                state = self.call("GET", "/state", prefix=prefix)
            except Unrecognized as error:
                others.append(error)
                continue
            except Refused as error:
                refusals.append(error)
                continue
            if not is_state(state):
                others.append(Unrecognized(f"{self._shown} is not a URL of an Understudy server"))
            elif is_at(path.removeprefix(prefix), state):
                return prefix
            else:
                there = f"{without_password(site_of(self._url))}{prefix}{state['api']}"
                others.insert(0, ControlError(f"{self._shown} is not a URL of the API, which is at {there}"))
        raise [*refusals, *others][0]


def site_of(url: str) -> str:
    """The scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def in_json(body: Any) -> str:
    """A body as JSON.

    Raises:
        ControlError: a value contains itself, is nested too deep, or has keys that are not texts.
    """
    try:
        return json.dumps(body, default=plain)
    except (ValueError, TypeError, RecursionError) as error:
        raise ControlError(f"this cannot be sent as JSON ({one_line(str(error))})") from None


def plain(value: Any) -> Any:
    """Convert a value that `json` cannot serialize: iterables of rows, ids, times.

    A time without an offset is in UTC.
    """
    if isinstance(value, datetime):
        return in_utc(value).isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Iterable) else str(value)


def value_of(response: httpx.Response) -> Any:
    try:
        return response.json() if response.content else None
    except (ValueError, RecursionError):
        return NO_JSON


def reason_in(response: httpx.Response, body: Any) -> str | None:
    """Why Understudy refuses a call, on one line; None if the body states no more than the status."""
    if isinstance(body, dict) and "detail" in body and body["detail"] != response.reason_phrase:
        return str(body["detail"])
    if isinstance(body, dict) and "exception_detail" in body:
        return "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in body["exception_detail"])
    return None
