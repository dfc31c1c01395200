"""The doors: signing in and out, refusing cross-site requests, sign-in rate limits, and security headers."""

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.orm import Session
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from warden.errors import Forbidden, TooManyRequests
from warden.models import User
from warden.settings import Settings
from warden.store import access
from warden.web.deps import SAFE_METHODS, SESSION_COOKIE
from warden.web.policy import CONTENT_SECURITY_POLICY
from warden.web.problems import Problem, problem_answer

ATTEMPTS_PER_ADDRESS = RateLimitItemPerMinute(10)
"""Sign-ins one network address may try."""

LINKS_PER_PERSON = RateLimitItemPerHour(5)
"""Links one person may ask for: more would be a way to flood a mailbox."""

TOO_LARGE: Final = "The body is too large."


class SignInLimits:
    """Counts sign-in attempts in this process's memory."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def check_attempt(self, address: str) -> None:
        """Count one attempt from a network address. Raises TooManyRequests."""
        if not self._limiter.hit(ATTEMPTS_PER_ADDRESS, "attempt", address):
            raise TooManyRequests("Too many sign-in attempts: wait a minute.")

    def check_link(self, email: str) -> None:
        """Count one link asked for by a person. Raises TooManyRequests."""
        if not self._limiter.hit(LINKS_PER_PERSON, "link", email.strip().lower()):
            raise TooManyRequests("Too many sign-in links were asked for: wait an hour.")


def network_address(request: Request) -> str:
    """Return the caller's network address, as the server saw it."""
    return request.client.host if request.client else "unknown"


def sign_in(
    request: Request, response: Response, session: Session, settings: Settings, token: str, now: datetime
) -> User:
    """Use up a one-time link and set a new session cookie on `response`.

    The cookie the browser came with is never kept: a session planted before signing in is worthless after it.
    Raises NotSignedIn for a link that does not work and TooManyRequests.
    """
    limits: SignInLimits = request.app.state.sign_in_limits
    limits.check_attempt(network_address(request))
    user = access.consume_link(session, token, now)
    if old := request.cookies.get(SESSION_COOKIE):
        access.close_session(session, old)
    cookie = access.open_session(session, user, now, settings.session_days)
    response.set_cookie(
        SESSION_COOKIE,
        cookie,
        max_age=settings.session_days * 86_400,
        secure=_is_https(settings),
        httponly=True,
        samesite="lax",
    )
    return user


def sign_out(request: Request, response: Response, session: Session, settings: Settings) -> None:
    """End the browser's session and take its cookie away."""
    if cookie := request.cookies.get(SESSION_COOKIE):
        access.close_session(session, cookie)
    response.delete_cookie(SESSION_COOKIE, secure=_is_https(settings), httponly=True, samesite="lax")


def ask_for_link(request: Request, session: Session, settings: Settings, email: str, now: datetime) -> str | None:
    """Return the address of a new one-time link for the user with this e-mail address, None if there is none.

    What the caller shows must not depend on which: else the page would tell who has an account.
    Raises TooManyRequests.
    """
    limits: SignInLimits = request.app.state.sign_in_limits
    limits.check_attempt(network_address(request))
    limits.check_link(email)
    user = access.find_user(session, email)
    if user is None or user.disabled_at is not None:
        return None
    return sign_in_address(settings, access.create_link(session, user, now))


def sign_in_address(settings: Settings, token: str) -> str:
    """Return the address of a one-time link. It is built on `public_url`: the Host header is the caller's to choose."""
    return f"{settings.public_url}/sign-in?token={token}"


def refuse_cross_site(method: str, headers: Headers, public_url: str) -> None:
    """Refuse requests that change something and that another site made a browser send.

    Requests with an Authorization header are exempt, since no browser adds one by itself and the cookie then counts for
    nothing. So are requests without a session, Origin and Sec-Fetch-Site: no browser sent them, and there is nothing
    to abuse (a mail provider's one-click unsubscribe). Raises Forbidden.
    """
    if method in SAFE_METHODS or "authorization" in headers:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None and SESSION_COOKIE not in headers.get("cookie", ""):
        return
    if site is not None:
        is_ours = site in ("same-origin", "none")
    else:
        is_ours = origin is not None and (origin == public_url or urlsplit(origin).netloc == headers.get("host"))
    if not is_ours:
        raise Forbidden("This request came from another site.")


def _is_https(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")


class Doors:
    """ASGI middleware: sets security headers, answers HEAD like GET but without body, refuses bodies too large."""

    def __init__(self, app: ASGIApp, settings: Settings, max_body_bytes: int) -> None:
        self.app = app
        self._max_body_bytes = max_body_bytes
        self._public_url = settings.public_url
        self._headers = {
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "x-content-type-options": "nosniff",
            # Not "no-referrer": browsers would then send "Origin: null" with our own forms.
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
            "cache-control": "no-store",
        }
        if _is_https(settings):
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"
        if is_head:
            scope = {**scope, "method": "GET"}

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > self._max_body_bytes:
            # The body limit further in would answer those that announce their size in plain text.
            await problem_answer(Problem(title=TOO_LARGE, status=413, detail=TOO_LARGE))(scope, receive, send_safely)
            return
        await self.app(scope, receive, send_safely)


async def check_origin(request: Request) -> None:
    """Dependency of the whole application: see refuse_cross_site."""
    refuse_cross_site(request.method, request.headers, request.app.state.services.settings.public_url)
