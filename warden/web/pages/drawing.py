"""What every page is drawn with: who looks, in which language and zone, and the frame around the content."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from warden import wording
from warden.domain import Role
from warden.errors import NotSignedIn
from warden.web import templating
from warden.web.bounds import NO_NUL
from warden.web.deps import CurrentServices, MaybeCaller, Now, Principal, Services, require
from warden.wording import Reader

ROWS = 50
"""Rows on one page of a list."""

Asked = Annotated[str, Query(max_length=200, pattern=NO_NUL)]
"""Text in an address that the database is asked for."""

Written = Annotated[str, Form(max_length=10_000, pattern=NO_NUL)]
"""Text from a form."""

Level = Annotated[int | None, Query(ge=1, le=100)]
"""A level of one of the matrix' axes."""


@dataclass(frozen=True, slots=True)
class View:
    """One look at a page: the request, the moment, and who looks (None: somebody who is not signed in)."""

    request: Request
    services: Services
    now: datetime
    who: Principal | None
    reader: Reader

    def page(self, name: str, /, code: int = 200, **context: Any) -> HTMLResponse:
        """Return the page of template `name` with `context`, inside the frame."""
        url = self.request.url
        frame: dict[str, Any] = {
            "who": self.who,
            "may_change": self.may_change,
            "here": url.path,
            "here_with_query": f"{url.path}?{url.query}" if url.query else url.path,
            "is_example": self.services.settings.start_at is not None,
            "now": self.now,
            "faults": {},
        }
        return templating.render(name, self.reader, {**frame, **context}, code)

    def older(self, cursor: str | None, name: str = "before") -> str | None:
        """Return the address of the next page of the list on this page, None when this is the last one."""
        if cursor is None:
            return None
        kept = {key: value for key, value in self.request.query_params.items() if key != name}
        return f"{self.request.url.path}?{urlencode({**kept, name: cursor})}"

    @property
    def may_change(self) -> bool:
        """Tell whether who looks is shown forms."""
        return self.who is not None and self.who.role.includes(Role.MANAGER)

    @property
    def by(self) -> str:
        """Return whose name stands beside what is done here."""
        if self.who is None:
            raise NotSignedIn("Sign in first.")
        return self.who.name


def view_of(request: Request, services: Services, now: datetime, who: Principal | None) -> View:
    """Return how `who` looks at this request."""
    own = who.locale if who else None
    locale = templating.locale_of(request, own, services.settings.default_locale)
    return View(request, services, now, who, wording.reader_of(locale, who.time_zone if who else "UTC"))


async def _anyone(request: Request, services: CurrentServices, now: Now, who: MaybeCaller) -> View:
    person = who if who is not None and not who.is_token else None  # a token's scopes mean nothing on a page
    request.state.who = person  # for the error page, which no dependency reaches
    return view_of(request, services, now, person)


Anyone = Annotated[View, Depends(_anyone)]
"""Signed in or not."""


async def _viewer(view: Anyone) -> View:
    if view.who is None:
        raise NotSignedIn("Sign in first.")
    return view


Viewer = Annotated[View, Depends(_viewer)]
"""Somebody who is signed in; everybody else is led to the sign-in page."""


async def _manager(view: Viewer) -> View:
    if view.who is not None:
        require(view.who, Role.MANAGER)
    return view


Manager = Annotated[View, Depends(_manager)]
"""Somebody who may change things; 403 for a viewer."""


def see_other(address: str) -> RedirectResponse:
    """Send the browser to the page that shows what a form has done."""
    return RedirectResponse(address, 303)


def local_path(address: str) -> str:
    """Return `address` if it is a path on this service, else "/": a form must not lead people to another site."""
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_ours else "/"
