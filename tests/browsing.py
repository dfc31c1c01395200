"""A browser window that notes what must never happen, for tests of the pages."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, expect
from served import Site

from warden.domain import Role
from warden.web.deps import SESSION_COOKIE


@dataclass
class Watched:
    """A browser window that notes what must never happen."""

    context: BrowserContext
    page: Page
    site: Site
    locale: str = "en"
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._check(request.url))

    def _check(self, address: str) -> None:
        if urlsplit(address).hostname != "127.0.0.1":
            self.complaints.append(f"request to {address}")

    def open(self, path: str) -> Page:
        """Go to a page of the service."""
        self.page.goto(self.site.url + path)
        return self.page

    def open_whole(self, path: str) -> Page:
        """Go to a page of the service, and wait until its charts are drawn."""
        page = self.open(path)
        expect(page.locator("[data-address] > p")).to_have_count(0)
        return page

    def sign_in(self, role: Role = Role.MANAGER) -> None:
        """Let the window hold a session, as if by a link: links are limited to a few a minute."""
        self.context.add_cookies(
            [{"name": SESSION_COOKIE, "value": self.site.session(role), "url": self.site.url, "httpOnly": True}]
        )
        self.open("/")

    def forgive(self, status: str) -> None:
        """Take back the browser's complaint about an answer that the test asked for, e.g. "404"."""
        self.complaints = [said for said in self.complaints if f"status of {status}" not in said]
