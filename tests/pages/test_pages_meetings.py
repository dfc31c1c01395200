"""Pages of meetings, actions and the rhythm: what they show, what their forms do, and what they refuse in words."""

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from browsing import Watched
from playwright.sync_api import Browser
from served import Site

from warden.clock import utc_now
from warden.domain import LOCALES, AlertState, MeetingLevel, Role, Scope, Side
from warden.store import actions, alerts, cadences, meetings, partners
from warden.web.deps import SESSION_COOKIE
from warden.wording import reader_of

QUIET = "Bridgewater Freight"


@pytest.fixture
def manager(site: Site) -> Iterator[httpx.Client]:
    headers = {"accept-language": "en", "Sec-Fetch-Site": "same-origin"}
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    with site.visitor(headers=headers, cookies=cookies) as client:
        yield client


@pytest.fixture
def meeting_id(site: Site) -> uuid.UUID:
    with site.services.db.read() as session:
        found = meetings.open_of(session, uuid.UUID(site.seeded[QUIET]))
    assert found is not None
    return found.id


def new_action(site: Site, text: str = "Send the plan", ahead: int = 5) -> uuid.UUID:
    with site.services.db.write() as session:
        partner = partners.get(session, uuid.UUID(site.seeded[QUIET]))
        due_on = (utc_now() + timedelta(days=ahead)).date()
        return actions.add(
            session,
            partner,
            text=text,
            side=Side.OURS,
            due_on=due_on,
            author="tests",
            now=utc_now() - timedelta(days=9),
        ).id


def text_of(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", answer.text))


def test_a_decision_of_a_meeting_becomes_an_action(site: Site, manager: httpx.Client, meeting_id: uuid.UUID) -> None:
    form = {
        "partner_id": site.seeded[QUIET],
        "meeting_id": str(meeting_id),
        "text": "Name a second contact",
        "who": "theirs",
        "due_on": (utc_now() + timedelta(days=9)).date().isoformat(),
    }
    answer = manager.post("/actions", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/meetings/{meeting_id}#actions")
    shown = text_of(manager.get(f"/meetings/{meeting_id}"))
    assert "Name a second contact" in shown
    assert "Name a second contact" in text_of(manager.get("/actions"))
    assert "Name a second contact" in text_of(manager.get(f"/partners/{site.seeded[QUIET]}/rhythm"))


def let_go(site: Site, meeting_id: uuid.UUID) -> None:
    """Nothing is open with the partner any more, as after a first look; its alert fires on."""
    with site.services.db.write() as session:
        meeting = meetings.get(session, meeting_id, lock=True)
        assert meetings.waive_unarranged(session, [meeting.alert_id], meetings.TOGETHER_WHY) == [meeting]


def links(answer: httpx.Response) -> list[str]:
    return re.findall(r'href="(/meetings/new[^"]*)"', answer.text)


def test_a_meeting_is_proposed_from_the_partners_page_and_the_alerts(
    site: Site, manager: httpx.Client, meeting_id: uuid.UUID
) -> None:
    with site.services.db.read() as session:
        alert_id = meetings.get(session, meeting_id).alert_id
        worst = meetings.worst_alert(session, uuid.UUID(site.seeded[QUIET]))
    pages = [f"/partners/{site.seeded[QUIET]}", f"/alerts/{alert_id}", f"/meetings/{meeting_id}"]
    assert [links(manager.get(page)) for page in pages[:2]] == [[], []], "one is open"
    assert f'href="/meetings/{meeting_id}">An executive meeting' in manager.get(pages[1]).text
    shown = manager.get(f"/meetings/new?alert={alert_id}")
    assert (shown.status_code, shown.headers["location"]) == (303, f"/meetings/{meeting_id}")
    let_go(site, meeting_id)
    (by_partner,), (by_alert,), (again,) = (links(manager.get(page)) for page in pages)
    assert (again, by_alert) == (by_alert, f"/meetings/new?alert={alert_id}")
    for address, chosen in ((by_partner, worst), (by_alert, alert_id)):
        shown = manager.get(address)
        assert (shown.status_code, f'value="{chosen}" selected' in shown.text) == (200, True)
    form = {"partner_id": site.seeded[QUIET], "alert_id": str(alert_id)}
    refused = manager.post("/meetings", data={**form, "reason": " ", "within_days": "soon"})
    assert (refused.status_code, refused.text.count('aria-invalid="true"')) == (422, 2)
    assert "Say why people should meet." in refused.text
    assert 'value="soon"' in refused.text
    made = manager.post("/meetings", data={**form, "reason": "They do not answer.", "within_days": "3"})
    page = manager.get(made.headers["location"])
    assert "manager@warden.example asked for it: They do not answer." in text_of(page)
    late = manager.post("/meetings", data={**form, "reason": "I, too.", "within_days": "3"})
    assert late.headers["location"] == made.headers["location"], "somebody was faster"


def test_nothing_to_meet_about_is_said_and_a_viewer_is_not_offered_it(
    site: Site, manager: httpx.Client, meeting_id: uuid.UUID
) -> None:
    let_go(site, meeting_id)
    with site.browser() as viewer:
        assert links(viewer.get(f"/partners/{site.seeded[QUIET]}")) == []
        assert viewer.get(f"/meetings/new?partner={site.seeded[QUIET]}").status_code == 403
    with site.services.db.write() as session:
        for alert in alerts.firing_of(session, uuid.UUID(site.seeded[QUIET])):
            alert.state = AlertState.RESOLVED
    assert links(manager.get(f"/partners/{site.seeded[QUIET]}")) == []
    assert "No alert of this partner fires" in manager.get(f"/meetings/new?partner={site.seeded[QUIET]}").text
    form = {"partner_id": site.seeded[QUIET], "reason": "They do not answer."}
    assert manager.post("/meetings", data=form).status_code == 409
    assert manager.get("/meetings/new").status_code == 404


def test_attendance_is_told_in_words(manager: httpx.Client, meeting_id: uuid.UUID) -> None:
    shown = manager.get(f"/meetings/{meeting_id}").text
    assert "No answer yet" in shown
    assert "needs-action" not in shown


def test_a_promise_that_nobody_can_keep_is_refused_beside_its_fields(site: Site, manager: httpx.Client) -> None:
    form = {"partner_id": site.seeded[QUIET], "text": " ", "who": "ours", "due_on": "soon"}
    answer = manager.post("/actions", data=form)
    assert answer.status_code == 422
    assert "Say what is to be done" in answer.text
    assert "Choose a day within three years." in answer.text
    assert answer.text.count('aria-invalid="true"') == 2


def test_an_action_is_changed_done_and_dropped(site: Site, manager: httpx.Client) -> None:
    path = f"/actions/{new_action(site)}"
    with site.services.db.read() as session:
        owner = partners.get(session, uuid.UUID(site.seeded[QUIET])).owner
    assert owner is not None
    form = {"text": "Send it signed", "who": str(owner.id), "due_on": utc_now().date().isoformat()}
    assert manager.post(path, data=form).status_code == 303
    assert f"We: {owner.name}" in text_of(manager.get(path))
    assert manager.post(path, data={**form, "due_on": ""}).status_code == 422
    assert manager.post(f"{path}/drop", data={"reason": " "}).status_code == 422
    for _ in range(2):  # pressed twice
        assert manager.post(f"{path}/done").status_code == 303
    assert "Done" in text_of(manager.get(path))
    other = f"/actions/{new_action(site)}"
    manager.post(f"{other}/drop", data={"reason": "They pay instead."})
    assert "They pay instead." in text_of(manager.get(other))


def test_two_who_change_an_action_at_once_do_not_overwrite_each_other(site: Site, manager: httpx.Client) -> None:
    path = f"/actions/{new_action(site)}"
    version = re.findall(r'name="version" value="(\d+)"', manager.get(path).text)[0]
    form = {"text": "Mine", "who": "ours", "due_on": utc_now().date().isoformat(), "version": version}
    assert manager.post(path, data=form).status_code == 303
    refused = manager.post(path, data={**form, "text": "Theirs", "due_on": ""})
    late = manager.post(path, data={**form, "text": "Theirs"}, headers={"accept": "text/html"})
    assert (refused.status_code, late.status_code) == (412, 412)
    assert "Something changed meanwhile" in late.text
    assert "Theirs" not in text_of(manager.get(path))


def test_two_who_plan_a_meeting_at_once_do_not_overwrite_each_other(
    manager: httpx.Client, meeting_id: uuid.UUID
) -> None:
    path = f"/meetings/{meeting_id}"
    whys, time = re.findall(r'name="tag" value="(\w+)"', manager.get(path).text)
    sheet = {"why": ["Why late?"], "because": ["No plan."], "tag": whys}
    assert manager.post(f"{path}/whys", data=sheet).status_code == 303
    assert manager.post(f"{path}/whys", data={**sheet, "because": ["Their plan."]}).status_code == 412
    when = {"starts_at": f"{utc_now() + timedelta(days=3):%Y-%m-%dT%H:%M}", "place": "Taipei", "tag": time}
    assert manager.post(f"{path}/schedule", data=when).status_code == 303
    assert manager.post(f"{path}/schedule", data={**when, "place": "Hanoi"}).status_code == 412
    text = text_of(manager.get(path))
    assert ("No plan." in text, "Taipei" in text, "Hanoi" in text) == (True, True, False)


def test_what_is_overdue_says_so(site: Site, manager: httpx.Client) -> None:
    path = f"/actions/{new_action(site, 'Long promised', -3)}"
    assert "Overdue" in text_of(manager.get(path))


def test_the_five_whys_are_filled_in_and_refused_in_words(manager: httpx.Client, meeting_id: uuid.UUID) -> None:
    path = f"/meetings/{meeting_id}"
    sheet = {"why": ["Why silent?", "Why did he leave?", ""], "because": ["Their buyer left.", "", ""]}
    assert manager.post(f"{path}/whys", data=sheet).headers["location"] == f"{path}#whys"
    assert "Their buyer left." in manager.get(path).text
    answer = manager.post(f"{path}/whys", data={"why": [""], "because": ["An answer to nothing"]})
    assert (answer.status_code, "Ask a question in each line" in answer.text) == (422, True)
    assert "An answer to nothing" in answer.text


def test_a_rhythm_is_set_for_a_tier_and_for_a_partner_and_ended(site: Site, manager: httpx.Client) -> None:
    partner = site.seeded[QUIET]
    assert manager.post("/cadences", data={"level": "executive", "tier": "Strategic", "every_days": "61"}).is_redirect
    assert "every 61 days" in text_of(manager.get(f"/partners/{partner}/rhythm"))
    manager.post("/cadences", data={"level": "working", "partner_id": partner, "every_days": "", "reason": "By mail."})
    shown = text_of(manager.get(f"/partners/{partner}/rhythm"))
    assert "none expected" in shown
    assert "set for this partner" in shown
    assert "By mail." in text_of(manager.get("/cadences"))
    with site.services.db.read() as session:
        own = cadences.listing(session, scope=Scope.PARTNER)[0]
    assert manager.post(f"/cadences/{own.id}/end").headers["location"] == f"/partners/{partner}/rhythm"
    assert "By mail." not in text_of(manager.get("/cadences"))
    assert "By mail." in text_of(manager.get("/cadences?ended=true"))


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"tier": "nobody's", "every_days": "7"}, "No partner has this tier."),
        ({"every_days": "often"}, "Give 1 to 1,096 days"),
        ({"every_days": "0"}, "Give 1 to 1,096 days"),
    ],
)
def test_a_rhythm_nobody_can_keep_is_refused_in_words(
    site: Site, manager: httpx.Client, form: dict[str, str], sentence: str
) -> None:
    answer = manager.post("/cadences", data={"level": MeetingLevel.WORKING.value, **form})
    assert (answer.status_code, sentence in answer.text) == (422, True)


@pytest.mark.parametrize("whose", ["tier", "partner_id"])
def test_a_rhythm_that_is_refused_keeps_what_was_typed(site: Site, manager: httpx.Client, whose: str) -> None:
    subject = {"tier": "sTrategic", "partner_id": site.seeded[QUIET]}[whose]  # as no other place of the page writes it
    form = {"level": "working", whose: subject, "every_days": "often", "reason": "They asked for it."}
    answer = manager.post("/cadences", data=form)
    assert answer.status_code == 422
    for kept in ('<option value="working" selected>', 'value="often"', 'value="They asked for it."', f'"{subject}"'):
        assert kept in answer.text


def test_an_action_of_a_meeting_is_one_of_its_partner(site: Site, manager: httpx.Client, meeting_id: uuid.UUID) -> None:
    other = next(partner for name, partner in site.seeded.items() if name != QUIET)
    form = {"partner_id": other, "meeting_id": str(meeting_id), "text": "Call", "due_on": utc_now().date().isoformat()}
    assert manager.post("/actions", data=form).status_code == 404


def test_what_nobody_reports_is_not_known(site: Site, manager: httpx.Client) -> None:
    shown = text_of(manager.get(f"/partners/{site.seeded[QUIET]}/rhythm"))
    assert "Not known: nobody reports meetings of this level" in shown


@pytest.mark.parametrize("locale", LOCALES)
def test_every_page_speaks_the_readers_language(site: Site, meeting_id: uuid.UUID, locale: str) -> None:
    """What is in English under another language is a name, or what people wrote."""
    new_action(site)
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    with site.visitor(cookies=cookies) as client:
        titles = []
        for path in ("/meetings", "/actions", "/cadences", f"/partners/{site.seeded[QUIET]}/rhythm"):
            answer = client.get(path, params={"lang": locale})
            assert answer.status_code == 200
            titles.append(re.findall("<h1>(.*?)</h1>", answer.text, re.DOTALL)[0])
        let_go(site, meeting_id)
        answer = client.get("/meetings/new", params={"lang": locale, "partner": site.seeded[QUIET]})
        proposing = re.findall("<h1>(.*?)</h1>", answer.text, re.DOTALL)
    assert proposing == [reader_of(locale).say("Propose an executive meeting: %(partner)s", partner=QUIET)]
    english = ("Executive meetings", "Actions", "Rhythm of meetings")
    assert titles[:3] == [reader_of(locale).tr(title) for title in english]
    assert titles[3] == reader_of(locale).say("Meetings and actions: %(partner)s", partner=QUIET)


@pytest.mark.parametrize(
    "path", ["/actions/{id}/done", "/cadences/{id}/end", "/meetings/{id}/whys", "/actions", "/meetings"]
)
def test_a_viewer_may_not_post(site: Site, path: str) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.VIEWER)}
    headers = {"Sec-Fetch-Site": "same-origin"}
    with site.visitor(cookies=cookies, headers=headers) as client:
        assert (
            client.post(path.format(id=uuid.UUID(int=0)), data={"partner_id": str(uuid.UUID(int=0))}).status_code == 403
        )


@pytest.mark.parametrize("locale", ["en", "vi"])
def test_nothing_is_wider_than_a_telephone(browser: Browser, site: Site, meeting_id: uuid.UUID, locale: str) -> None:
    action = new_action(site)
    context = browser.new_context(viewport={"width": 360, "height": 900}, locale=locale)
    window = Watched(context, context.new_page(), site)
    window.sign_in()
    partner = site.seeded[QUIET]
    for path in (
        "/actions",
        f"/actions/{action}",
        "/cadences",
        f"/partners/{partner}/rhythm",
        f"/meetings/{meeting_id}",
        f"/meetings/new?partner={partner}",
    ):
        if "new" in path:
            let_go(site, meeting_id)
        page = window.open(path)
        for details in page.locator("main details").all():
            details.evaluate("one => one.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    context.close()
    assert window.complaints == []
