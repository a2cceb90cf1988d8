"""How a server lets a client in, and why it does not.

Tokens against cross-site request forgery are fetched and sent as Prefect's clients do. A client asks for one before
its first change, under an id of its own, and sends both with each change. A server that needs none refuses to issue
any. Which operation issues them, the contract says (`x-issues-tokens`).
"""

import time
from collections.abc import Generator
from datetime import datetime, timedelta
from uuid import uuid4

import httpx

from understudy.contract.contract import Contract
from understudy.http.csrf import CHANGING, CLIENT_HEADER, TOKEN_HEADER

USED = 0.5  # the share of a token's lifetime after which the next one is fetched


class CsrfTokens(httpx.Auth):
    """The tokens of one client, which adds them to its requests.

    Args:
        contract: says which operation issues tokens; without one, none are sent.
        url: the API's.
    """

    requires_response_body = True

    def __init__(self, contract: Contract, url: str) -> None:
        self.refusal: int | None = None  # the status with which the server has refused to issue a token
        self.fetched = 0  # how often it was asked for one
        self._url = url.rstrip("/")
        self._path = path_in(contract)
        self._client = str(uuid4())
        self._token: str | None = None
        self._end = float("-inf")  # when the next one is due, by `time.monotonic`

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request, with a token where it changes something, and once more where that has expired."""
        if request.url.userinfo:
            # httpx sends what the URL says only where nothing else authenticates.
            request = next(httpx.BasicAuth(request.url.username, request.url.password).auth_flow(request))
        if request.method not in CHANGING or self._path is None or TOKEN_HEADER in request.headers:
            yield request
            return
        if self.is_due:
            self._take((yield self._fetch(request.headers)))
        request.headers.update(self.headers)
        response = yield request
        if self._token is not None and is_about_tokens(response.status_code, response.text):
            self._take((yield self._fetch(request.headers)))
            request.headers.update(self.headers)
            yield request

    @property
    def headers(self) -> dict[str, str]:
        """What a change is sent with now."""
        return {} if self._token is None else {TOKEN_HEADER: self._token, CLIENT_HEADER: self._client}

    @property
    def is_due(self) -> bool:
        """Whether a token is to be fetched before the next change."""
        return self._path is not None and self.refusal is None and time.monotonic() >= self._end

    def renew(self, client: httpx.Client) -> None:
        """Fetch a token where one is due, for requests that the client does not send itself.

        Raises:
            httpx.HTTPError: there was no answer.
        """
        if self.is_due:
            self._take(client.send(self._fetch(client.headers), auth=httpx.Auth()))

    def _fetch(self, headers: httpx.Headers) -> httpx.Request:
        self.fetched += 1
        kept = {
            name: value
            for name, value in headers.items()
            if not name.startswith("content-") and name not in (TOKEN_HEADER, CLIENT_HEADER)
        }
        return httpx.Request("GET", f"{self._url}{self._path}", params={"client": self._client}, headers=kept)

    def _take(self, response: httpx.Response) -> None:
        """Take what the server has issued; what is no token says that none is needed, or none to be had."""
        try:
            said = response.raise_for_status().json()
            self._token = str(said["token"])
            lifetime = moment(str(said["expiration"])) - moment(str(said["updated"]))
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, RecursionError):
            self._token, self.refusal = None, response.status_code
            return
        self._end = time.monotonic() + USED * lifetime / timedelta(seconds=1)


def is_about_tokens(status: int, body: object) -> bool:
    """Whether an answer refuses a request for its token, rather than for who sends it."""
    return status == httpx.codes.FORBIDDEN and "csrf" in str(body).lower()


def refusal_of(status: int, body: object, client: httpx.Client) -> str | None:
    """Why a server does not let a client in; None where it does.

    Args:
        status: of its answer to a plain request.
        body: of that answer.
        client: has sent the request.
    """
    tokens = client.auth
    has_login = "authorization" in client.headers or bool(client.base_url.userinfo)
    if isinstance(tokens, CsrfTokens) and is_about_tokens(status, body):
        why = "takes none that it issues" if tokens.refusal is None else f"issues none ({tokens.refusal})"
        return f"wants a CSRF token, and {why}"
    if status == httpx.codes.UNAUTHORIZED:
        return "does not accept this login" if has_login else "wants a login: give --auth or --header"
    if status == httpx.codes.FORBIDDEN:
        return "lets nobody in with this login" if has_login else "forbids it, and no login was given"
    return None


def path_in(contract: Contract) -> str | None:
    """The path of the operation that issues tokens; None where the contract has none."""
    for path, methods in contract.document["paths"].items():
        if methods.get("get", {}).get("x-issues-tokens"):
            return str(path)
    return None


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
