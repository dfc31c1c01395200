"""The one polite and guarded HTTP client: conditional requests, caps on size, time and redirects, no private addresses.

It keeps no cookies and logs nothing: an address may itself be a secret.

HttpError              no answer that could be used
├── Unreachable        no connection, or the answer broke off
├── Blocked            the address is private, or is no http(s) address; nothing was sent
├── TooLarge           the answer passed the cap, after unpacking
├── TimedOut           the whole exchange took longer than allowed
└── Garbled            the answer is not HTTP as understood: endless redirects, unknown or broken compression
"""

import socket
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address, ip_network
from typing import Self

import anyio
import httpx
from anyio.from_thread import start_blocking_portal
from httpx_secure import httpx_ssrf_protection

from collectors.base import SourceChanged, SourceError, SourceRefused, SourceUnavailable
from collectors.guard import IpAddress, JudgedFirst, embedded, is_public, parse

MAX_REDIRECTS = 5
MAX_ANSWER_CHARS = 2000
LONGEST_WAIT = timedelta(days=7)  # a Retry-After beyond this is taken for a mistake and shortened

_HARMLESS_HEADERS = frozenset({"accept", "content-type", "if-modified-since", "if-none-match", "user-agent"})
_REFUSED = frozenset({401, 402, 403, 407, 410, 451})
_TRY_LATER = frozenset({404, 408, 421, 423, 425, 429})


class HttpError(Exception):
    """No usable answer. `str(error)` names the host, never the whole address."""


class Unreachable(HttpError):
    """No connection, or the answer broke off."""


class Blocked(HttpError):
    """The guard refused the address; nothing was sent."""


class TooLarge(HttpError):
    """The answer passed the cap on bytes, counted after unpacking."""


class TimedOut(HttpError):
    """The exchange took longer than allowed, all redirects included."""


class Garbled(HttpError):
    """The answer is not HTTP as understood."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document. With `not_modified` the body is empty and the copy from last time still holds."""

    status: int
    body: bytes
    content_type: str  # "text/csv", lower case, "" if not told
    charset: str | None
    etag: str | None
    modified: str | None  # Last-Modified as the server wrote it
    url: str  # after redirects
    moved_to: str | None  # where the server says that the document is from now on (301, 308)
    not_modified: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What a post was answered, whatever the status; `text` is cut at 2,000 characters.

    `took`: how long after it was begun the answer was there, by which a wait that it asks for begins later.
    """

    status: int
    text: str
    headers: Mapping[str, str]
    took: timedelta


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: httpx.Headers
    body: bytes
    url: httpx.URL
    moved_to: httpx.URL | None
    charset: str | None


class Http:
    """A context manager around one reused connection pool. Inside it, any thread may call any method.

    `allowed_networks`: private networks (CIDR) that may be reached after all. `timeout`: seconds for a whole exchange.
    """

    def __init__(
        self,
        allowed_networks: Sequence[str] = (),
        user_agent: str = "Warden",
        max_bytes: int = 5_000_000,
        timeout: float = 20.0,
    ) -> None:
        self._allowed = tuple(ip_network(network) for network in allowed_networks)
        self._user_agent = user_agent
        self._max_bytes = max_bytes
        self._timeout = timeout

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            self._client = self._portal.call(self._open)
            stack.callback(self._portal.call, self._client.aclose)
            self._opened = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def fetch(
        self,
        url: str,
        *,
        now: datetime,
        headers: Mapping[str, str] | None = None,
        etag: str | None = None,
        modified: str | None = None,
        accept: str | None = None,
        max_bytes: int | None = None,
    ) -> Fetched:
        """Return the document at `url`; with `etag` or `modified` from last time only if it has changed since.

        Raises SourceRefused (401, 402, 403, 407, 410, 451, a blocked address), SourceUnavailable (no answer, too slow,
        404, 408, 429, 5xx; with `not_before` where the server sent Retry-After) or SourceChanged (too large, any
        other status, not understood).
        """
        conditions = {"If-None-Match": etag, "If-Modified-Since": modified, "Accept": accept}
        wanted = {**(headers or {}), **{name: value for name, value in conditions.items() if value}}
        try:
            reply = self._exchange("GET", url, wanted, None, max_bytes or self._max_bytes, follow=True)
        except HttpError as error:
            raise _as_source_error(error) from error
        _check_status(reply, now, conditional=bool(etag or modified))
        return _fetched(reply, etag, modified)

    def post(self, url: str, *, content: bytes, headers: Mapping[str, str], follow_redirects: bool = False) -> Answer:
        """Send `content` and return the answer, whatever its status; an overlong answer is cut. Raises HttpError."""
        began = time.monotonic()
        reply = self._exchange("POST", url, headers, content, MAX_ANSWER_CHARS * 4, follow=follow_redirects, cut=True)
        took = timedelta(seconds=time.monotonic() - began)
        text = reply.body.decode("utf-8", errors="replace")[:MAX_ANSWER_CHARS]
        return Answer(reply.status, text, dict(reply.headers), took)

    def resolve(self, host: str, port: int) -> str:
        """Return an IP address of `host` that may be reached, for protocols other than HTTP to connect to.

        Connect to the address itself: resolving the name again could give another answer. Raises Blocked, Unreachable
        or TimedOut.
        """
        return self._portal.call(self._resolve, host, port)

    def validate(self, url: str) -> None:
        """Check an address before it is stored, without sending anything to it.

        Raises Blocked, or Unreachable when the name does not resolve.
        """
        parsed = _parse(url)
        self.resolve(parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80))

    def permits(self, address: IpAddress) -> bool:
        """Tell whether the guard lets traffic out to `address`."""
        plain = embedded(address)
        return any(plain in network for network in self._allowed) or is_public(plain)

    def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        limit: int,
        *,
        follow: bool,
        cut: bool = False,
    ) -> _Reply:
        """Run one exchange on the loop, whose errors become HttpErrors that name the host."""
        host = _parse(url).host
        call = partial(self._send, method, url, headers, content, limit, follow=follow, cut=cut)
        try:
            return self._portal.call(call)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise TimedOut(f"{host} did not answer completely within {self._timeout:g} seconds.") from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise Blocked(f"{host} redirects to something that is not an http or https address.") from error
        except (httpx.TransportError, UnicodeError) as error:
            raise Unreachable(f"{host} could not be reached, or its answer broke off.") from error

    async def _open(self) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(verify=tls_context(), trust_env=False)
        client = httpx.AsyncClient(
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip"},
            # one client serves all sources: none may see another's cookies
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            timeout=self._timeout,
            transport=transport,
            trust_env=False,  # a proxy would connect on our behalf, past the guard
        )
        httpx_ssrf_protection(
            client,
            check_globally_reachable=False,
            custom_validator=lambda _host, address, _port: self.permits(address),
        )
        # that connects to a name to see where it leads, and judges then: it is handed addresses judged before
        transport._pool._network_backend = JudgedFirst(transport._pool._network_backend, self._addresses)
        return client

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        limit: int,
        *,
        follow: bool,
        cut: bool,
    ) -> _Reply:
        request = self._client.build_request(method, url, headers=headers, content=content)
        moved_to: httpx.URL | None = None
        for_good = True
        with anyio.fail_after(self._timeout):
            for _ in range(MAX_REDIRECTS + 1):
                async with self._answer(request) as response:
                    if not (follow and response.next_request):
                        body = await _read(response, limit, cut=cut)
                        charset = response.charset_encoding
                        return _Reply(response.status_code, response.headers, body, response.url, moved_to, charset)
                    request = _redirected(request, response.next_request, headers)
                    for_good = for_good and response.status_code in (301, 308)
                    moved_to = request.url if for_good else moved_to
        raise Garbled(f"{request.url.host} redirects more than {MAX_REDIRECTS} times.")

    @asynccontextmanager
    async def _answer(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        # redirects are followed by hand: the client would read the body of each without any cap
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            yield response
        finally:
            await response.aclose()

    async def _resolve(self, host: str, port: int) -> str:
        try:
            with anyio.fail_after(self._timeout):
                return (await self._addresses(host, port))[0]
        except TimeoutError as error:
            raise TimedOut(f"The name {host} did not resolve within {self._timeout:g} seconds.") from error

    async def _addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host that may be reached, IPv4 first. Raises Blocked or Unreachable."""
        try:
            found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"The name {host} does not resolve.") from error
        permitted = filter(self.permits, (ip_address(one[4][0]) for one in found))
        addresses = [str(one) for one in dict.fromkeys(sorted(permitted, key=lambda one: one.version))]
        if not addresses:
            raise Blocked(_BLOCKED % host)
        return addresses


_BLOCKED = "%s has a private or reserved address, which is blocked; WARDEN_ALLOWED_NETWORKS can allow its network."


def tls_context() -> ssl.SSLContext:
    """Return how certificates are checked everywhere: against certifi's list, or SSL_CERT_FILE where it is set."""
    return httpx.create_ssl_context()


def retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return the moment a Retry-After header names, in seconds or as a date, at most 7 days ahead; None without one."""
    value = next((value.strip() for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        moment = now + timedelta(seconds=int(value)) if value.isdecimal() else parsedate_to_datetime(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return now + LONGEST_WAIT
    except ValueError:
        return None
    return min(max(moment, now), now + LONGEST_WAIT)


def _parse(url: str) -> httpx.URL:
    try:
        return parse(url)
    except ValueError as error:
        raise Blocked(f"The address cannot be used: {error}.") from error


def _redirected(request: httpx.Request, following: httpx.Request, custom: Mapping[str, str]) -> httpx.Request:
    """Return the request to follow a redirect with; the caller's headers, which may be secrets, stay at their host."""
    old, new = request.url, following.url
    if (new.port or 0) > 65_535:  # the attempt to connect would break in a way of its own
        raise httpx.ConnectError(f"port {new.port}")
    if (old.scheme, old.host, old.port) != (new.scheme, new.host, new.port):
        for name in (name for name in custom if name.lower() not in _HARMLESS_HEADERS):
            following.headers.pop(name, None)
    return following


async def _read(response: httpx.Response, limit: int, *, cut: bool) -> bytes:
    """Return at most `limit` unpacked bytes; more raises TooLarge, or is left unread with `cut`.

    Unpacking is done here and not by the client, which would unpack a whole chunk of a bomb at once.
    """
    host, body = response.url.host, bytearray()
    unpacker = _unpacker(response)
    try:
        async for chunk in response.aiter_raw():
            room = limit + 1 - len(body)
            body += unpacker.decompress(chunk, room) if unpacker else chunk[:room]
            if len(body) > limit:
                if cut:
                    return bytes(body[:limit])
                raise TooLarge(f"{host} sent more than {limit:,} bytes; at most that many are read.")
            if unpacker and unpacker.eof:
                break
    except zlib.error as error:
        raise Garbled(f"{host} sent compressed data that cannot be unpacked.") from error
    if unpacker and body and not unpacker.eof:
        raise Unreachable(f"The answer of {host} broke off.")
    return bytes(body)


def _unpacker(response: httpx.Response) -> "zlib._Decompress | None":
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip"):
        return zlib.decompressobj(wbits=31)
    raise Garbled(f"{response.url.host} sent an encoding that was not asked for; gzip or none was expected.")


def _check_status(reply: _Reply, now: datetime, *, conditional: bool) -> None:
    status, host = reply.status, reply.url.host
    if 200 <= status < 300 or (status == 304 and conditional):
        return
    if status in _REFUSED:
        raise SourceRefused(f"{host} refused the request with status {status}.", status)
    if status in _TRY_LATER or status >= 500:
        raise SourceUnavailable(f"{host} answered with status {status}.", retry_after(reply.headers, now))
    raise SourceChanged(f"{host} answered with status {status}; a document was expected.")


def _as_source_error(error: HttpError) -> SourceError:
    if isinstance(error, Blocked):
        return SourceRefused(str(error))
    if isinstance(error, TooLarge | Garbled):
        return SourceChanged(str(error))
    return SourceUnavailable(str(error))


def _fetched(reply: _Reply, etag: str | None, modified: str | None) -> Fetched:
    not_modified = reply.status == 304
    return Fetched(
        status=reply.status,
        body=b"" if not_modified else reply.body,
        content_type=reply.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        charset=reply.charset,
        etag=_validator(reply.headers, "ETag") or (etag if not_modified else None),
        modified=_validator(reply.headers, "Last-Modified") or (modified if not_modified else None),
        url=str(reply.url),
        moved_to=str(reply.moved_to) if reply.moved_to else None,
        not_modified=not_modified,
    )


def _validator(headers: httpx.Headers, name: str) -> str | None:
    """Return a header to be sent back next time; one that could not be sent is as good as none."""
    value = headers.get(name, "")
    return value if value.isascii() and value.isprintable() and 0 < len(value) <= 1000 else None
