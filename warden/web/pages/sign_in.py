"""Entering and leaving, and the language of the pages."""

import hashlib
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from warden import messages, wording
from warden.domain import LOCALES, NotificationReason
from warden.errors import TooManyRequests
from warden.store import access as accounts
from warden.store import destinations, notifications
from warden.store.access import LINK_LIFETIME
from warden.web import access
from warden.web.deps import Services, Write
from warden.web.pages.drawing import Anyone, Written, local_path, see_other
from warden.web.templating import LANGUAGE_COOKIE

YEAR_SECONDS = 365 * 86_400

router = APIRouter()


@router.get("/sign-in", response_model=None)
def sign_in_page(view: Anyone, token: str = "", next: str = "/") -> Response:
    """Ask for an address; with a token, for the press of a button: mail scanners follow links but press nothing."""
    if token:
        return view.page("sign_in_confirm.html", token=token, next=local_path(next))
    if view.who is not None:
        return see_other(local_path(next))
    return view.page("sign_in.html", next=local_path(next), email="", is_asked=False)


@router.post("/sign-in", response_model=None)
def sign_in(view: Anyone, session: Write, token: Written, next: Written = "/") -> Response:
    """Use up the link and sign this browser in."""
    response = see_other(local_path(next))
    access.sign_in(view.request, response, session, view.services.settings, token, view.now)
    return response


@router.post("/sign-in/link", response_model=None)
def ask_for_link(view: Anyone, session: Write, email: Written = "", next: Written = "/") -> Response:
    """Mail a link to whoever has an account with this address; the answer is the same for everybody."""
    email = email.strip()
    context: dict[str, Any] = {"next": local_path(next), "email": email}
    if "@" not in email or len(email) > 320:
        fault = view.reader.tr("An e-mail address looks like name@example.com.")
        return view.page("sign_in.html", 422, **context, is_asked=False, faults={"email": fault})
    try:
        address = access.ask_for_link(view.request, session, view.services.settings, email, view.now)
    except TooManyRequests:
        fault = view.reader.tr("Too many attempts: wait a while and try again.")
        return view.page("sign_in.html", 429, **context, is_asked=False, faults={"email": fault})
    if address is not None:
        _queue_link(session, view.services, email, address, view.now)
    return view.page("sign_in.html", **context, is_asked=True)


def _queue_link(session: Session, services: Services, email: str, address: str, now: datetime) -> None:
    """Queue the link for the mail server; without one only an operator can hand it over."""
    destination = destinations.for_mail(session)
    user = accounts.find_user(session, email)
    if destination is None or user is None:
        return
    locale = user.locale or services.settings.default_locale
    reader = wording.reader_of(locale, user.time_zone)
    sealed = services.vault.encrypt({"url": address})
    notifications.enqueue(
        session,
        destination=destination,
        key=f"sign_in:{hashlib.sha256(address.encode()).hexdigest()[:32]}",
        reason=NotificationReason.SIGN_IN,
        message=messages.sign_in(user.name, sealed, now + LINK_LIFETIME, reader),
        locale=locale,
        now=now,
        recipient=user.email,
    )


@router.post("/sign-out", response_model=None)
def sign_out(view: Anyone, session: Write) -> Response:
    """End the session of this browser."""
    response = see_other("/sign-in")
    access.sign_out(view.request, response, session, view.services.settings)
    return response


@router.post("/language", response_model=None)
def choose_language(view: Anyone, session: Write, locale: Written, next: Written = "/") -> Response:
    """Keep a language: in the account of who is signed in, and in a cookie for the pages before that."""
    response = see_other(local_path(next))
    if locale not in LOCALES:
        return response
    if view.who is not None:
        user = accounts.get_user(session, view.who.id, lock=True)
        accounts.change_user(session, user, {"locale": locale}, view.now)
    is_https = view.services.settings.public_url.startswith("https://")
    response.set_cookie(LANGUAGE_COOKIE, locale, max_age=YEAR_SECONDS, secure=is_https, httponly=True, samesite="lax")
    return response


def sign_in_address(next_path: str, asked: str | None = None) -> str:
    """Return the sign-in page that leads back to `next_path` afterwards, in the language that was `asked` for."""
    query = {"next": local_path(next_path), **({"lang": asked} if asked else {})}
    return f"/sign-in?{urlencode(query, quote_via=quote, safe='')}"
