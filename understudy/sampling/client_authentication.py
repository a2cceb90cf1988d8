"""Client-side authentication: CSRF tokens, and why a server refuses a client.

CSRF tokens are fetched and sent as by Prefect's clients. A client requests one before its first change, under an id of
its own, and sends both with each change. A server that requires none refuses to issue any. The operation that issues
them has `x-issues-tokens` in the contract.
"""

import time
from collections.abc import Generator, Mapping
from datetime import timedelta
from uuid import uuid4

import httpx

from understudy.contract.contract import Contract
from understudy.http.csrf import CHANGING, CLIENT_HEADER, TOKEN_HEADER
from understudy.sampling.answers import Answer
from understudy.text import one_line
from understudy.values import moment

NO_LIST = (httpx.codes.METHOD_NOT_ALLOWED, httpx.codes.NOT_IMPLEMENTED)  # an API lists rows at any of our paths
FAILING = 500  # the least status of a server that is there but fails
IS_API = "is this the URL of an API, such as http://127.0.0.1:4200/api?"
USED = 0.5  # the share of a token's lifetime after which the next one is fetched


class CsrfTokens(httpx.Auth):
    """Adds CSRF tokens to the requests of one client.

    Args:
        contract: the contract with the operation that issues tokens; without such an operation, no tokens are sent.
        url: the URL of the API.
    """

    requires_response_body = True

    def __init__(self, contract: Contract, url: str) -> None:
        self.refusal: int | None = None  # the status with which the server has refused to issue a token
        self.fetched = 0  # requests for a token
        self._url = url.rstrip("/")
        self._path = path_in(contract)
        self._client = str(uuid4())
        self._token: str | None = None
        self._end = float("-inf")  # when the next one is due, by `time.monotonic`

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request, with a token if it is a change, and again if the token has expired."""
        if request.url.userinfo:
            # httpx only sends the credentials of the URL without another authentication.
            request = next(httpx.BasicAuth(request.url.username, request.url.password).auth_flow(request))
        if request.method not in CHANGING or self._path is None or TOKEN_HEADER in request.headers:
            yield request
            return
        timeout = request.extensions.get("timeout", {})
        if self.is_due:
            self._take((yield self._fetch(request.headers, timeout)))
        request.headers.update(self.headers)
        response = yield request
        if self._token is not None and is_about_tokens(response.status_code, response.text):
            self._take((yield self._fetch(request.headers, timeout)))
            request.headers.update(self.headers)
            yield request

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a change."""
        return {} if self._token is None else {TOKEN_HEADER: self._token, CLIENT_HEADER: self._client}

    @property
    def is_due(self) -> bool:
        """Whether a token is to be fetched before the next change."""
        return self._path is not None and self.refusal is None and time.monotonic() >= self._end

    def renew(self, client: httpx.Client) -> None:
        """Fetch a token if one is due, for requests that another client sends.

        Raises:
            httpx.HTTPError: there was no response.
        """
        if self.is_due:
            self._take(client.send(self._fetch(client.headers, client.timeout.as_dict()), auth=httpx.Auth()))

    def _fetch(self, headers: httpx.Headers, timeout: Mapping[str, float | None]) -> httpx.Request:
        self.fetched += 1
        others = {
            name: value
            for name, value in headers.items()
            if not name.startswith("content-") and name not in (TOKEN_HEADER, CLIENT_HEADER)
        }
        return httpx.Request(
            "GET",
            f"{self._url}{self._path}",
            params={"client": self._client},
            headers=others,
            extensions={"timeout": timeout},
        )

    def _take(self, response: httpx.Response) -> None:
        """Store an issued token. Any other response means that tokens are not required, or not available."""
        try:
            issued = response.raise_for_status().json()
            self._token = str(issued["token"])
            lifetime = moment(str(issued["expiration"])) - moment(str(issued["updated"]))
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, RecursionError):
            self._token, self.refusal = None, response.status_code
            return
        self._end = time.monotonic() + USED * lifetime / timedelta(seconds=1)


def is_about_tokens(status: int, body: object) -> bool:
    """Whether a response refuses a request because of its token rather than its credentials."""
    return status == httpx.codes.FORBIDDEN and "csrf" in str(body).lower()


def refusal_of(answer: Answer, client: httpx.Client) -> str | None:
    """Why a server refuses a client; None if it does not.

    Args:
        answer: its response to a plain request.
        client: the client that sent the request.
    """
    status, body, tokens = answer.status, answer.body, client.auth
    has_credentials = "authorization" in client.headers or bool(client.base_url.userinfo)
    if isinstance(tokens, CsrfTokens) and is_about_tokens(status, body):
        why = "refuses those that it issues" if tokens.refusal is None else f"does not issue any ({tokens.refusal})"
        return f"requires a CSRF token, but {why}"
    if status == httpx.codes.UNAUTHORIZED:
        return (
            "does not accept these credentials" if has_credentials else "requires authentication (--auth or --header)"
        )
    if status == httpx.codes.FORBIDDEN:
        return "forbids it with these credentials" if has_credentials else "forbids it without credentials"
    if status == httpx.codes.NOT_FOUND:
        return f"does not exist; {IS_API}"
    if httpx.codes.is_redirect(status):
        return f"redirects to {one_line(answer.headers.get('location', 'nowhere'))}; use the URL of the API itself"
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return "refuses requests that are too frequent; --rate makes `verify` send fewer of them, or wait a while"
    if status in NO_LIST or (status < FAILING and is_no_json(answer)):
        return f"does not respond like an API; {IS_API}"
    return None


def is_no_json(answer: Answer) -> bool:
    """Whether a body is not JSON, nor called JSON: a web page, such as that of a server's UI, or a text."""
    is_called_json = "json" in answer.headers.get("content-type", "")
    return isinstance(answer.body, str) and (answer.body.lstrip()[:1] == "<" or not is_called_json)


def path_in(contract: Contract) -> str | None:
    """The path of the operation that issues tokens; None if the contract has none."""
    for path, methods in contract.document["paths"].items():
        if methods.get("get", {}).get("x-issues-tokens"):
            return str(path)
    return None
