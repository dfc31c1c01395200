"""Every page in four languages: complete, and without a word of English where another language is asked for."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from browsing import Watched
from playwright.sync_api import Browser
from portfolio import HOSTILE, PORTFOLIO, WORD
from served import Site

from warden.domain import LOCALES, Role
from warden.i18n import CATALOGUES
from warden.rules.context import BY_NAME
from warden.store import criteria
from warden.web.deps import SESSION_COOKIE

LATE = "Aurora Diagnostics"
OTHERS = tuple(locale for locale in LOCALES if locale != "en")

TEXTS = """() => {
  const skipped = new Set(["SCRIPT", "STYLE", "CODE"]);
  const inAnother = (element) => element.closest("[lang]:not(html)");  // texts for a reader of that language
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [document.title];
  while (walker.nextNode()) {
    const near = walker.currentNode.parentElement;
    if (!skipped.has(near.tagName) && !inAnother(near)) found.push(walker.currentNode.textContent);
  }
  for (const name of ["aria-label", "placeholder", "title", "alt", "data-failed"])
    for (const element of document.querySelectorAll(`[${name}]`))
      if (!inAnother(element)) found.push(element.getAttribute(name));
  return found.map((text) => text.replace(/\\s+/g, " ").trim()).filter(Boolean);
}"""

DATA = (
    {row[0] for row in PORTFOLIO}
    | set(BY_NAME)
    | {WORD, "ERP", "News", "Operations webhook", "Mail", "Warden", "UTC", "USD", "nobody-1"}
)
"""Texts that are data, the same in every language; so are the names in the conditions of rules."""

DATA_PATTERN = re.compile(
    r"[\w.-]+@[\w.-]+|https?://\S+|S-[a-z]+|warden [a-z]+|Lin Yu-chen|Tran Minh|Asia/\w+|strategic|standard|key|tail"
    r"|critical|preferred|approved|minor"
    r"|Order dates count as messages sent, delivery dates as messages received\.|name@example\.com"
    r"|Bridgewater Freight sued over unpaid wages|Indigo Chemicals opens new plant"
    r"|JavaScript|JSON|CEL|ISO|null|true|Warden|UTC|US\$|USD"
)


@pytest.fixture(params=OTHERS)
def foreign(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Watched]:
    """A signed-in window that asks for one language through Accept-Language."""
    locale = {"zh-Hant": "zh-TW", "zh-Hans": "zh-CN"}.get(request.param, request.param)
    context = browser.new_context(viewport={"width": 1200, "height": 900}, locale=locale)
    window = Watched(context, context.new_page(), site)
    window.sign_in(Role.ADMIN)  # who has chosen no language
    window.locale = request.param
    yield window
    context.close()
    assert window.complaints == []


def test_no_page_has_english_left_over(foreign: Watched) -> None:
    for path in _paths(foreign):
        page = foreign.open_whole(path)
        assert page.locator("html").get_attribute("lang") == foreign.locale
        for text in page.evaluate(TEXTS):
            assert not _is_english(text, foreign.locale), f"{path}: {text!r} is English"
    foreign.forgive("404")


def test_a_stranger_reads_the_sign_in_page_in_their_language(browser: Browser, site: Site) -> None:
    titles = {}
    for locale in ("en-GB", "zh-TW", "zh-HK", "zh-CN", "vi-VN", "fr-FR"):
        context = browser.new_context(locale=locale)
        page = Watched(context, context.new_page(), site).open("/sign-in")
        titles[locale] = page.locator("h1").inner_text()
        context.close()
    expected = {"zh-TW": "登入", "zh-HK": "登入", "zh-CN": "登录", "vi-VN": "Đăng nhập"}
    assert titles == {"en-GB": "Sign in", "fr-FR": "Sign in", **expected}


def test_the_address_chooses_the_language_for_strangers(visitor: Watched) -> None:
    assert visitor.open("/sign-in?lang=vi").locator("h1").inner_text() == "Đăng nhập"
    assert SESSION_COOKIE not in {cookie["name"] for cookie in visitor.context.cookies()}


@pytest.mark.parametrize("locale", LOCALES)
def test_the_main_navigation_stands_in_one_row(window: Watched, locale: str) -> None:
    items = window.open(f"/partners?lang={locale}").locator(".bar nav li").all()
    assert len({item.evaluate("one => one.getBoundingClientRect().top") for item in items}) == 1


def _paths(window: Watched) -> Iterator[str]:
    yield from ("/", "/partners", "/alerts?state=all", "/meetings?state=all", "/sources", "/notifications")
    yield from ("/names", "/news-models", "/unattributed", "/sign-in?token=x", "/no/such/page", "/backtest")
    yield from ("/actions?state=all", "/cadences?ended=true")
    yield f"/partners/{window.site.seeded[LATE]}/rhythm"
    yield from ("/matrices", "/matrices/1", "/matrices/1/preview", "/criteria?ended=true")
    yield from (f"/criteria/{name}?scope=tier&subject=key" for name in criteria.shipped())
    for name in (LATE, "Kestrel Software", "Bridgewater Freight", HOSTILE):
        yield f"/partners/{window.site.seeded[name]}"
    yield f"/partners/{window.site.seeded['Bridgewater Freight']}/incidents"
    yield f"/partners/{window.site.seeded['Bridgewater Freight']}/names?text=Bridgewater+Freight"
    yield f"/partners/{window.site.seeded['Evergreen Textiles']}/criteria"
    yield f"/partners/{window.site.seeded['Evergreen Textiles']}/changes?since=2000-01-01"
    yield from ("/rules", "/rules/context", "/rules/new")
    rule = window.open("/rules").locator("tbody th a").first.get_attribute("href")
    yield from (str(rule), f"{rule}/versions/1", f"{rule}/versions/1/preview")
    yield from ("/alerts/silences?state=all", "/alerts/silences/new", "/alerts/notices", "/alerts/duty")
    yield from (f"/alerts/routes?partner={LATE.replace(' ', '+')}", "/alerts/routes/new")
    yield from ("/alerts/playbooks", "/alerts/playbooks/trust/1")
    yield "/digests"
    yield str(window.open("/digests").locator("tbody a[href^='/digests/']").first.get_attribute("href"))
    yield str(window.open("/alerts").locator("article p a[href^='/alerts/']").first.get_attribute("href"))
    meeting = window.open("/meetings?state=all").get_by_role("link", name="Bridgewater Freight")
    yield str(meeting.get_attribute("href"))


@cache
def _messages(locale: str) -> dict[str, str]:
    """Return every message with its translation."""
    path: Path = CATALOGUES / locale.replace("-", "_") / "LC_MESSAGES" / "warden.po"
    with path.open("rb") as file:
        catalogue = read_po(file)
    singles = {}
    for message in catalogue:
        if message.id and isinstance(message.id, str):
            singles[message.id] = str(message.string)
        elif message.id:
            singles |= dict.fromkeys(message.id, message.string[0])
    return singles


@cache
def _patterns(locale: str) -> list[re.Pattern[str]]:
    """Return what English texts look like once their placeholders are filled."""
    foreign = [text for text, own in _messages(locale).items() if text != own]
    filled = [re.sub(r"%\\\((\w+)\\\)s", ".+?", re.escape(text)) for text in foreign]
    return [re.compile(text, re.IGNORECASE) for text in filled if re.search(r"[a-z]{3}", text.replace(".+?", ""))]


def _is_english(text: str, locale: str) -> bool:
    """Tell whether a text is an English message, or has Latin words in a Chinese page that are no data."""
    if text in DATA:
        return False
    if text in ("null", "None", "true", "false"):  # in a sentence about conditions they are words of CEL
        return True
    if any(pattern.fullmatch(text) for pattern in _patterns(locale)):
        return True
    rest = DATA_PATTERN.sub("", text)
    for name in sorted(DATA, key=len, reverse=True):  # "band_rank" before "band"
        rest = rest.replace(name, "")
    return locale.startswith("zh") and bool(re.search(r"[A-Za-z]{3,}", rest))
