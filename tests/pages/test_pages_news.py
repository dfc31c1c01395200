"""What is said of partners in public, on the pages: read, explained, corrected, and the placement that follows."""

import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from browsing import Watched
from playwright.sync_api import Browser, Locator, expect
from served import Site, history, serving

from collectors.base import Article, Message
from scorers.news.read import shipped_models
from warden.clock import utc_now
from warden.db import Database, upgrade
from warden.domain import FactKind, Role
from warden.pipeline import assess, attribute
from warden.settings import Settings
from warden.store import access, assessments, facts, identifiers, news_models, partners, shipped, sources
from warden.web.deps import SESSION_COOKIE

PICTURES = os.environ.get("WARDEN_SCREENSHOTS")
"""A folder for pictures of all pages, to look at while working on them."""

HOSTILE = "Acme <img src=x onerror=\"document.title='owned'\"> faces fraud probe"
WALKOUT = "Acme workers walk out at Leeds plant over pay"
MODEL_REPORT = {
    "why": {"message": "at least as good on what people said", "params": {}},
    "headlines": 4210,
    "labels": 130,
    "candidate": {"macro_f1": 0.74, "log_loss": 0.61},
    "present": {"macro_f1": 0.71, "log_loss": 0.66},
}


@dataclass
class Talk:
    """A service with one partner that is talked about."""

    site: Site
    partner_id: uuid.UUID

    @property
    def path(self) -> str:
        return f"/partners/{self.partner_id}"

    def tick(self) -> None:
        """Read and assess once, as the clock does every minute."""
        now = utc_now()
        attribute.run(self.site.services.db, now)
        assess.run(self.site.services.db, self.site.services.settings, now)

    def likelihood(self) -> float:
        with self.site.services.db.read() as session:
            assessment = assessments.latest(session, self.partner_id)
        assert assessment is not None
        assert assessment.likelihood is not None
        return assessment.likelihood


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which one partner writes every day and is talked about, to be copied."""
    path = tmp_path_factory.mktemp("news") / "told.db"
    database, now = Database(f"sqlite:///{path}"), utc_now() - timedelta(seconds=5)
    upgrade(database)
    with database.write() as session:
        shipped.seed(session, now)
        for role in Role:
            access.create_user(session, email=f"{role}@warden.example", name=role.title(), role=role, now=now)
        partner = partners.create(session, {"name": "Acme", "annual_value": 900_000, "currency": "USD"}, now)
        partners.create(session, {"name": "Target"}, now)
        identifiers.add_identifier(session, partner, "email", "kim@acme.example", now)
        source = sources.push(session, "erp", now)
        source.last_success_at = now
        reported = [fact for fact in history(now) if isinstance(fact, Message)]
        facts.insert_facts(session, source.id, [*reported, *_articles(now)], now)
        news_models.keep(session, "en", shipped_models()["en"].to_bytes(), MODEL_REPORT, speaks=False, now=now)
        news_models.keep(session, "zh", b"arrays", MODEL_REPORT, speaks=True, now=now)
    attribute.run(database, now)
    assess.run(database, Settings(_env_file=None), now)
    database.close()
    return path


@pytest.fixture
def talk(told: Path, tmp_path: Path) -> Iterator[Talk]:
    """Serve a copy of it: what is corrected in one test moves nothing in another."""
    with serving(Path(shutil.copy(told, tmp_path / "warden.db"))) as site:
        with site.services.db.read() as session:
            partner = partners.by_name(session, "Acme")
        assert partner is not None
        yield Talk(site, partner.id)


def _articles(now: datetime) -> list[Article]:
    told = [
        (WALKOUT, "https://times.example/1", 50, True),
        (f"{WALKOUT} - Example Post", "https://post.example/7", 49, True),
        ("Acme ordered to recall ten thousand heaters over fire risk", "https://herald.example/3", 70, True),
        (HOSTILE, "https://gazette.example/4", 30, True),
        ("Acme opens a canteen", "https://times.example/5", 20, False),
        ("Old deal: Target opens stores in the north", "https://times.example/6", 10, True),
        ("On target: exports rise", "https://times.example/8", 12, True),
    ]
    return [
        Article(identity=url, at=now - timedelta(hours=hours), url=url, title=title, dated=dated)
        for title, url, hours, dated in told
    ]


@pytest.fixture
def window(browser: Browser, talk: Talk) -> Iterator[Watched]:
    """Open a window of a manager who has signed in; at the end nothing may have gone wrong."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, locale="en-GB")
    watched = Watched(context, context.new_page(), talk.site)
    watched.sign_in()
    yield watched
    context.close()
    assert watched.complaints == []


def _incident(window: Watched, talk: Talk, name: str) -> Locator:
    """Return the incident whose first article has a title with `name` in it, on the partner's page."""
    page = window.open(talk.path)
    return page.locator("#incidents section.incident", has=page.locator(".told a", has_text=name))


def test_an_incident_says_what_happened_how_sure_that_is_and_who_told_of_it(window: Watched, talk: Talk) -> None:
    walkout = _incident(window, talk, WALKOUT)
    expect(walkout.locator("h3")).to_have_text("Strike")
    expect(walkout).to_contain_text("2 articles · post.example and times.example")
    expect(walkout.locator("summary").first).to_have_text("also in 1 other outlet")
    expect(walkout).to_contain_text("Decided by: workers walk out")
    for part in ("negative ", "neutral ", "positive ", "of 300 = severity 60", "it halves every 45 days"):
        expect(walkout).to_contain_text(part)


def test_what_is_said_of_a_story_counts_for_its_copies_and_a_copy_can_be_set_apart(window: Watched, talk: Talk) -> None:
    walkout = _incident(window, talk, WALKOUT)
    expect(walkout).to_contain_text("of 300 = severity 60")
    walkout.get_by_text("Correct this article").click()
    expect(walkout).to_contain_text("Tone and event count for its copies, too.")
    walkout.get_by_label("Tone towards the partner").select_option("neutral")
    walkout.get_by_role("button", name="Set the tone").click()
    walkout = _incident(window, talk, WALKOUT)
    expect(walkout).to_contain_text("2 articles")
    expect(walkout).not_to_contain_text("of 300 = severity")
    walkout.get_by_text("also in 1 other outlet").click()
    copy = walkout.locator("li", has_text="Example Post")
    copy.get_by_role("button", name="Make it an incident of its own").click()
    expect(_incident(window, talk, WALKOUT)).to_have_count(2)


def test_what_others_wrote_is_shown_as_text_and_their_links_tell_them_nothing(window: Watched, talk: Talk) -> None:
    hostile = _incident(window, talk, "faces fraud probe")
    link = hostile.locator(".told a")
    expect(link).to_have_text(HOSTILE)
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert window.page.title() == "Acme · Warden"


def test_an_article_without_a_date_says_so(window: Watched, talk: Talk) -> None:
    expect(_incident(window, talk, "opens a canteen")).to_contain_text("undated; first seen")


def test_what_is_not_about_the_partner_moves_its_placement_with_the_next_tick(window: Watched, talk: Talk) -> None:
    before = talk.likelihood()
    for name in ("faces fraud probe", "recall ten thousand heaters"):
        incident = _incident(window, talk, name)
        incident.get_by_text("Correct this article").click()
        expect(incident).to_contain_text("the placement follows with the next assessment")
        incident.get_by_role("button", name="Not about this partner").click()
        expect(window.page.locator("#incidents")).not_to_contain_text(name)
    assert talk.likelihood() == before
    talk.tick()
    assert talk.likelihood() < before
    window.open(talk.path)
    expect(window.page.locator("#placement strong").first).to_have_text(f"{talk.likelihood():.0%}")
    page = window.open(f"{talk.path}/incidents")
    aside = page.locator("#aside li", has_text="faces fraud probe").first
    expect(aside).to_contain_text("By manager@warden.example")
    aside.get_by_role("button", name="Take back").click()
    talk.tick()
    expect(_incident(window, talk, "faces fraud probe")).to_have_count(1)
    assert talk.likelihood() > 0


def test_a_corrected_tone_holds_at_once_and_tells_who_said_so_and_what_was_read(window: Watched, talk: Talk) -> None:
    incident = _incident(window, talk, "recall ten thousand heaters")
    incident.get_by_text("Correct this article").click()
    incident.get_by_label("Tone towards the partner").select_option("positive")
    incident.get_by_role("button", name="Set the tone").click()
    incident = _incident(window, talk, "recall ten thousand heaters")
    expect(incident).to_contain_text("positive 100%")
    expect(incident).to_contain_text("Corrected by a person")
    expect(incident).to_contain_text("By manager@warden.example")
    expect(incident).to_contain_text("Before: Recall or quality defect")
    talk.tick()
    incident = _incident(window, talk, "recall ten thousand heaters")
    expect(incident).to_contain_text("positive 100%")
    incident.get_by_text("Correct this article").click()
    incident.get_by_role("button", name="Take back: tone").click()
    talk.tick()
    expect(_incident(window, talk, "recall ten thousand heaters")).not_to_contain_text("positive 100%,")


def test_incidents_are_joined_and_split_by_hand(window: Watched, talk: Talk) -> None:
    incident = _incident(window, talk, "recall ten thousand heaters")
    incident.get_by_text("Correct this article").click()
    other = incident.get_by_label("Tells of the same as")
    other.select_option(label=other.locator("option", has_text=WALKOUT).text_content())
    incident.get_by_role("button", name="Join").click()
    joined = _incident(window, talk, "recall ten thousand heaters")
    expect(joined).to_contain_text(WALKOUT)
    expect(joined).to_contain_text("3 articles")
    told = joined.locator(".told", has_text="recall ten thousand heaters")
    told.get_by_text("Correct this article").click()
    told.get_by_role("button", name="Make it an incident of its own").click()
    apart = _incident(window, talk, "recall ten thousand heaters")
    expect(apart.locator(".told > p > a")).to_have_count(1)
    expect(apart).to_contain_text(f"tells of the same as: {WALKOUT}")


def test_an_ambiguous_name_is_reviewed_with_its_headlines(window: Watched, talk: Talk) -> None:
    page = window.open("/names")
    target = page.locator("article", has=page.locator("h2:text-is('Target')"))
    expect(target).to_contain_text("also an everyday word")
    expect(target).to_contain_text("the partner's own name")
    expect(target.locator("li", has_text="Old deal")).to_contain_text("counts")
    expect(target.locator("li", has_text="On target")).to_contain_text("does not count")
    target.get_by_role("button", name="needs a second cue").click()
    expect(page.locator("main")).to_contain_text("No name waits for a review.")
    talk.tick()
    with talk.site.services.db.read() as session:
        partner = partners.by_name(session, "Target")
        assert partner is not None
        (alias,) = partner.aliases
        assert (alias.needs_context, alias.reviewed_by) == (True, "manager@warden.example")
        assert not facts.listing(session, partner_id=partner.id).items


def test_a_name_is_looked_at_before_it_is_saved(window: Watched, talk: Talk) -> None:
    names = window.open(talk.path).locator("#names")
    names.get_by_text("Add a name").click()
    form = names.locator("details", has=window.page.get_by_text("Add a name"))
    form.get_by_label("Name", exact=True).fill("exports")
    form.get_by_role("button", name="Preview what it matches").click()
    preview = window.page.locator("article", has_text="Preview").first
    expect(preview.locator("li", has_text="On target: exports rise")).to_contain_text("would count")
    with talk.site.services.db.read() as session:
        assert partners.get(session, talk.partner_id).aliases == []
    preview.get_by_role("button", name="Save the name").click()
    expect(window.page.locator("#names")).to_contain_text("Reviewed by manager@warden.example")
    talk.tick()
    expect(_incident(window, talk, "On target: exports rise")).to_have_count(1)
    window.page.locator("#names").get_by_text("Change").click()
    window.page.locator("#names").get_by_role("link", name="Remove the name").click()
    expect(window.page.locator("li", has_text="On target: exports rise")).to_contain_text("would count no more")
    window.page.get_by_role("button", name="Remove the name").click()
    expect(window.page.locator("#names")).not_to_contain_text("exports")


def test_a_version_is_chosen_held_and_let_go(window: Watched) -> None:
    page = window.open("/news-models")
    english = page.locator("article#en")
    learned = english.locator("tr", has_text="Version 1")
    expect(learned).to_contain_text("headlines: 4,210, of people: 130")
    expect(learned).to_contain_text("F1 0.74, log loss 0.61")
    expect(english.locator("tr", has_text="Version 0")).to_contain_text("speaks")
    learned.get_by_role("button", name="Let version 1 speak").click()
    expect(english).to_contain_text("Held by manager@warden.example")
    expect(learned).to_contain_text("speaks")
    english.get_by_role("button", name="Let newer versions take over again").click()
    expect(english).not_to_contain_text("Held by")
    expect(page.locator("article#vi")).to_contain_text("Version 0")


def test_a_version_that_cannot_be_read_is_told_and_the_shipped_one_speaks(window: Watched) -> None:
    chinese = window.open("/news-models").locator("article#zh")
    broken = chinese.locator("tr", has_text="Version 1")
    expect(broken).to_contain_text("cannot be read: version 0 speaks")
    expect(broken).to_contain_text("version 1 of zh")
    expect(broken.get_by_role("button")).to_have_count(0)
    expect(chinese.locator("tr", has_text="ships with Warden").locator(".tag")).to_have_text("speaks")
    chinese.get_by_role("button", name="Let version 0 speak").click()
    expect(chinese).to_contain_text("Held by manager@warden.example")
    expect(broken).not_to_contain_text("cannot be read")


def test_a_viewer_reads_and_changes_nothing(talk: Talk) -> None:
    cookies = {SESSION_COOKIE: talk.site.session(Role.VIEWER)}
    headers = {"accept": "text/html", "origin": talk.site.url}
    with talk.site.visitor(headers=headers, cookies=cookies) as viewer:
        page = viewer.get(f"{talk.path}/incidents")
        assert WALKOUT in page.text
        assert "Correct this article" not in page.text
        assert "<form" not in viewer.get("/names").text.partition("<main")[2]
        refused = [
            viewer.post(f"{talk.path}/articles/1/corrections", data={"kind": "about", "value": "no"}),
            viewer.post("/names", data={"partner_id": str(talk.partner_id), "text": "x", "answer": "never"}),
            viewer.post(f"{talk.path}/names", data={"text": "x"}),
            viewer.post("/news-models/en/choose", data={"number": "0"}),
            viewer.get("/news-models"),
        ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)


def test_no_other_site_corrects_in_somebodys_name(talk: Talk) -> None:
    cookies = {SESSION_COOKIE: talk.site.session(Role.MANAGER)}
    headers = {"accept": "text/html", "origin": "https://elsewhere.example"}
    with talk.site.visitor(headers=headers, cookies=cookies) as browser:
        answer = browser.post(f"{talk.path}/articles/1/corrections", data={"kind": "about", "value": "no"})
    assert answer.status_code == 403


def test_what_cannot_be_said_is_refused_in_words(talk: Talk) -> None:
    cookies = {SESSION_COOKIE: talk.site.session(Role.MANAGER)}
    headers = {"accept": "text/html", "origin": talk.site.url}
    with talk.site.services.db.read() as session:
        number = facts.listing(session, partner_id=talk.partner_id, kind=FactKind.ARTICLE).items[0].id
    with talk.site.visitor(headers=headers, cookies=cookies) as manager:
        for kind, value in (("tone", "angry"), ("event", "flood"), ("incident", "999999"), ("incident", "x")):
            data = {"kind": kind, "value": value}
            answer = manager.post(f"{talk.path}/articles/{number}/corrections", data=data)
            assert (answer.status_code, "This correction cannot be made" in answer.text) == (422, True), (kind, value)
        led = manager.post(
            f"{talk.path}/articles/{number}/corrections",
            data={"kind": "tone", "value": "neutral", "back": "//elsewhere.example"},
        )
        assert (led.status_code, led.headers["location"]) == (303, "/")


@pytest.mark.parametrize(("width", "locale"), [(1200, "en"), (360, "en"), (1200, "zh-Hant"), (360, "zh-Hant")])
def test_nothing_is_wider_than_the_window(browser: Browser, talk: Talk, width: int, locale: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=locale)
    window = Watched(context, context.new_page(), talk.site)
    window.sign_in()
    name_preview = f"{talk.path}/names?text=Acme"
    for path in (talk.path, f"{talk.path}/incidents", "/names", name_preview, "/news-models"):
        page = window.open_whole(f"{path}{'&' if '?' in path else '?'}lang={locale}")
        for details in page.locator("details.correct summary, #names details summary").all()[:3]:
            details.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        if PICTURES:
            name = "partner" if path == talk.path else "preview" if path == name_preview else path.rsplit("/", 1)[1]
            page.screenshot(path=Path(PICTURES) / f"news-{name}-{width}-{locale}.png", full_page=True)
    context.close()
    assert window.complaints == []
