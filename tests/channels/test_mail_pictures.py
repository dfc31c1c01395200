"""Mails looked at in a real browser: narrow and wide, light and dark, in every language. The pictures are kept."""

from email import message_from_bytes, policy
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from samples import NOW, digest, every_message

from warden import messages
from warden.channels.base import Envelope
from warden.channels.email import Email, Options
from warden.domain import LOCALES, NotificationReason
from warden.wording import reader_of

PICTURES = Path(__file__).parent.parent.parent / "build" / "mails"
"""Where the pictures are kept for people to look at; git ignores the folder."""

MAIL = Email(Options(host="mail.example", security="none", sender="warden@our.example", to=("an@our.example",)))

CONTRASTS = """
() => {
    const light = (colour) => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const ground = (node) => {
        for (let at = node; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (!colour.endsWith(", 0)")) return colour;
        }
        return getComputedStyle(document.documentElement).colorScheme.includes("dark")
            && matchMedia("(prefers-color-scheme: dark)").matches ? "rgb(18, 18, 18)" : "rgb(255, 255, 255)";
    };
    const worst = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const node = texts.currentNode.parentElement;
        if (!texts.currentNode.textContent.trim()) continue;
        const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) worst.push(`${ratio.toFixed(1)}: ${texts.currentNode.textContent.trim().slice(0, 40)}`);
    }
    return worst;
}
"""


def html_of(message: messages.Message, envelope: Envelope) -> str:
    mail = message_from_bytes(MAIL.render(message, envelope, NOW), policy=policy.default)
    part = mail.get_body(("html",))
    assert part is not None
    html: str = part.get_content()
    return html


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_a_digest_is_legible(browser: Browser, envelope: Envelope, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    for locale in LOCALES:
        (PICTURES / locale).mkdir(parents=True, exist_ok=True)
        page.set_content(html_of(messages.digest(digest(12), reader_of(locale)), envelope))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRASTS) == []
        page.screenshot(path=PICTURES / locale / f"digest-{width}-{scheme}.png", full_page=True)
    context.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_every_mail_is_legible_on_a_phone(browser: Browser, envelope: Envelope, locale: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 900}, offline=True)
    page = context.new_page()
    for reason, message in every_message(locale).items():
        page.set_content(html_of(message, envelope))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, reason
        assert page.evaluate(CONTRASTS) == [], reason
    context.close()


def test_the_reasons_are_all_looked_at() -> None:
    assert set(every_message()) == set(NotificationReason)
