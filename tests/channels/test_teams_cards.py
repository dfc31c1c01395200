"""Teams cards drawn by Microsoft's own renderer in a real browser, in every language."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from samples import NOW, awkward_messages, every_message

from warden.channels.base import Envelope
from warden.channels.teams import Options, Teams
from warden.domain import LOCALES
from warden.messages import Message

RENDERER = Path(__file__).parent.parent / "vendor" / "adaptivecards.min.js"
PICTURES = Path(__file__).parent.parent.parent / "build" / "teams-cards"
"""Where the drawn cards are kept for people to look at; git ignores the folder."""

DRAW = """
(content) => {
    const card = new AdaptiveCards.AdaptiveCard();
    const context = new AdaptiveCards.SerializationContext();
    AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
        const holder = document.createElement("span");
        holder.textContent = text;
        result.outputHtml = holder.innerHTML;
        result.didProcess = true;
    };
    card.parse(content, context);
    const faults = [];
    for (let i = 0; i < context.eventCount; i++) faults.push(context.getEventAt(i).message);
    for (const found of card.validateProperties().validationEvents) faults.push(found.message);
    document.body.replaceChildren(card.render());
    return faults;
}
"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A blank page that knows the renderer and can reach nothing."""
    context = browser.new_context(viewport={"width": 620, "height": 900}, offline=True)
    page = context.new_page()
    page.set_content("<!doctype html><style>body { margin: 12px; font: 14px sans-serif; width: 596px }</style>")
    page.add_script_tag(path=RENDERER)
    yield page
    context.close()


def card_of(message: Message, envelope: Envelope) -> dict[str, Any]:
    payload = json.loads(Teams(Options(url="https://a.example")).render(message, envelope, NOW))
    content: dict[str, Any] = payload["attachments"][0]["content"]
    return content


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_is_drawn_without_a_fault(page: Page, envelope: Envelope, locale: str) -> None:
    folder = PICTURES / locale
    folder.mkdir(parents=True, exist_ok=True)
    for reason, message in every_message(locale).items():
        card = card_of(message, envelope)
        assert page.evaluate(DRAW, card) == []
        shown = page.inner_text("body")
        assert all(line in shown for line in message.title.splitlines())
        assert page.locator("button").all_inner_texts() == [action["title"] for action in card["actions"]]
        assert page.evaluate("document.body.scrollWidth <= document.body.offsetWidth")
        page.locator("body").screenshot(path=folder / f"{reason}.png")


def test_what_goes_past_every_limit_is_drawn_too(page: Page, envelope: Envelope) -> None:
    for message in awkward_messages():
        assert page.evaluate(DRAW, card_of(message, envelope)) == []
        assert page.evaluate("document.scripts.length") == 1, "nothing in a message became a script"


def test_a_faulty_card_is_noticed(page: Page) -> None:
    faulty = {"type": "AdaptiveCard", "version": "1.2", "body": [{"type": "TextBlok", "text": "x"}]}
    assert page.evaluate(DRAW, faulty) != []
