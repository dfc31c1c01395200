"""Rules as people use them in a browser: drafted, rehearsed, activated; settings; verdicts from a link in a mail."""

import re
import uuid
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

import pytest
from browsing import Watched
from playwright.sync_api import Page, expect
from served import Site
from sqlalchemy import select

from warden.clock import utc_now
from warden.domain import LOCALES, Role, Worth
from warden.models import Alert, Verdict
from warden.store import matrices, partners, rule_versions, rules, verdicts
from warden.web.deps import SESSION_COOKIE
from warden.web.pages.rule_form import entered, typed

LATE = "Delivery-delay rate above the threshold"
NARROW = {"width": 360, "height": 800}


def open_rule(window: Watched, name: str = LATE) -> Page:
    page = window.open("/rules")
    page.get_by_role("link", name=name).click()
    return page


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_a_rule_is_drafted_rehearsed_and_activated(window: Watched) -> None:
    page = open_rule(window)
    page.get_by_role("button", name="Draft a new version").click()
    draft = page.locator("#draft")
    draft.get_by_label("Condition", exact=False).first.fill("late_rat > 0.3")
    draft.get_by_role("button", name="Save the draft").click()
    expect(draft.locator(".fault")).to_contain_text("line 1, column 1")
    window.forgive("422")
    expect(draft.locator(".fault")).to_contain_text("did you mean late_rate?")
    draft.locator("#condition").fill("late_rate > most && due_recent >= 5.0")
    draft.locator("#parameters").fill("most = 0.3")
    draft.locator("#for_hours").fill("24")
    draft.locator("#note").fill("Less noise.")
    draft.get_by_role("button", name="Save the draft").click()
    expect(page.locator("#difference")).to_contain_text("most = 0.3")
    page.get_by_role("button", name="Rehearse on your own past").click()
    expect(page.locator("#found")).to_contain_text("365 days")
    page.get_by_text("How it was done, and what it cannot show").click()
    expect(page.locator("#rehearsal")).to_contain_text("What was said of partners then counts")
    page.get_by_role("link", name="See, then activate").click()
    expect(page.locator("ul.figures")).to_contain_text("would begin to hold")
    page.get_by_role("button", name=re.compile("Activate version")).click()
    expect(page.locator("#versions li").first).to_contain_text("In use")
    expect(page.locator("#versions li").first).to_contain_text("Less noise.")
    expect(page.locator("#values")).to_contain_text("most")


def test_a_tier_has_its_own_value_until_it_is_ended(window: Watched) -> None:
    page = open_rule(window)
    page.get_by_text("Set a value").click()
    form = page.locator("#settings form", has=page.locator("#subject"))
    form.locator("#subject").fill("strategic")
    form.locator("#name").select_option("for_seconds")
    form.locator("#value").fill("many")
    form.get_by_role("button").click()
    expect(page.locator("#fault-value")).to_contain_text("expected a whole number")
    window.forgive("422")
    expect(page.locator("#fault-reason")).to_contain_text("is empty")
    form.locator("#value").fill("48")
    form.locator("#reason").fill("They deliver by ship.")
    form.get_by_role("button").click()
    expect(page.locator("#settings li").first).to_contain_text("2 days for the tier strategic")
    page.locator("#values").get_by_role("link", name="strategic").click()
    expect(page.locator("#values tr", has_text="Has to hold for")).to_contain_text("They deliver by ship.")
    page.get_by_role("button", name="End", exact=True).click()
    expect(page.locator("#settings")).to_contain_text("The rule is the same for everybody.")


@pytest.mark.parametrize(("hours", "told"), [("1", "1 hour "), ("2", "2 hours ")])
def test_one_hour_is_no_hours(site: Site, hours: str, told: str) -> None:
    with site.services.db.read() as session:
        path = f"/rules/{rules.by_key(session, 'late_rate').id}"
    headers = {"origin": site.url, "accept-language": "en"}
    with site.visitor(headers=headers, cookies={SESSION_COOKIE: site.session(Role.MANAGER)}) as manager:
        form = {"scope": "tier", "subject": "strategic", "name": "for_seconds", "value": hours, "reason": "They wait."}
        assert manager.post(f"{path}/settings", data=form).status_code == 303
        settings = manager.get(path).text.partition('id="settings"')[2]
    assert told in re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", settings))


def test_a_partner_there_is_not_is_told_beside_the_field(window: Watched) -> None:
    page = open_rule(window)
    page.get_by_label("Show what holds for a partner").fill("Nobody & Sons")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#fault-partner")).to_have_text("There is no partner of this name.")
    expect(page.get_by_label("Show what holds for a partner")).to_have_value("Nobody & Sons")


def test_a_rule_of_one_s_own_begins_as_a_draft_and_goes_with_it(window: Watched) -> None:
    page = window.open("/rules/new")
    page.locator("#key").fill("Far")
    page.get_by_role("button", name="Make the draft").click()
    expect(page.locator("#fault-condition")).to_contain_text("empty")
    window.forgive("422")
    page.locator("#key").fill("far_too_late")
    page.locator("#name").fill("Far too late")
    page.locator("#condition").fill("late_rate > 0.6")
    page.get_by_role("button", name="Make the draft").click()
    expect(page.locator("h1")).to_contain_text("Far too late, Version 1")
    page.get_by_role("button", name="Delete the draft").click()
    expect(page.locator("h1")).to_have_text("Rules")
    expect(page.locator("main")).not_to_contain_text("Far too late")


@pytest.mark.parametrize("path", ["/rules", "/rules/context", "/rules/new", "rule", "version", "preview"])
def test_every_page_fits_a_narrow_screen(window: Watched, path: str) -> None:
    with window.site.services.db.read() as session:
        rule = rules.by_key(session, "band_high").id
    known = {
        "rule": f"/rules/{rule}",
        "version": f"/rules/{rule}/versions/1",
        "preview": f"/rules/{rule}/versions/1/preview",
    }
    window.page.set_viewport_size(NARROW)
    assert fits(window.open(known.get(path, path)))


def test_a_rules_severity_stands_beside_its_name_on_a_narrow_screen(window: Watched) -> None:
    window.page.set_viewport_size(NARROW)
    row = window.open("/rules").get_by_role("rowheader").filter(has_text=LATE)
    for part in (row.locator(".tag"), row.get_by_text("Version 1")):
        box = part.bounding_box()
        assert box is not None
        assert box["height"] < 30, "one line"


@pytest.fixture
def verdict_path(site: Site) -> str:
    with site.services.db.read() as session:
        alert_id = session.scalars(select(Alert.id).order_by(Alert.id).limit(1)).one()
    link = verdicts.link(site.services.vault, site.url, alert_id, Worth.NOISE, "lin@warden.example")
    return link.removeprefix(site.url)


def said(site: Site, path: str) -> list[Verdict]:
    with site.services.db.read() as session:
        alert_id = uuid.UUID(urlsplit(path).path.split("/")[2])
        return verdicts.of_alerts(session, [alert_id]).get(alert_id, [])


def test_a_link_shows_a_button_and_only_the_button_notes_a_verdict(site: Site, verdict_path: str) -> None:
    with site.visitor(headers={"accept": "text/html"}) as stranger:
        assert "lin@warden.example: Noise" in stranger.get(verdict_path).text
        assert said(site, verdict_path) == []
        for _ in range(2):
            assert stranger.post(verdict_path, data={"why": "Holidays."}).status_code == 200
    [one] = said(site, verdict_path)
    assert (one.worth, one.author, one.via, one.note) == (Worth.NOISE, "lin@warden.example", "email", "Holidays.")


def test_a_rule_without_a_name_in_every_language_says_so_before_it_is_activated(site: Site) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    headers = {"origin": site.url, "accept-language": "en"}
    with site.visitor(headers=headers, cookies=cookies) as manager:
        form = {"key": "own_rule", "name": "Our own", "condition": "late_rate > 0.3"}
        draft = manager.post("/rules", data=form).headers["location"]
        for address in (draft, f"{draft}/preview"):
            assert "It has no name in 繁體中文, 简体中文, and Tiếng Việt" in manager.get(address).text
        tag = re.findall('name="tag" value="([^"]+)"', manager.get(draft).text)[0]
        names = {f"names.{locale}": f"Own {locale}" for locale in LOCALES}
        assert manager.post(
            draft, data={**names, **form, "severity": "info", "no_data": "keep", "tag": tag}
        ).is_redirect
        assert "It has no name in" not in manager.get(f"{draft}/preview").text


def test_a_parameter_without_effect_is_named_on_the_pages_and_a_condition_that_sees_nothing_is_refused(
    site: Site,
) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    with site.visitor(headers={"origin": site.url, "accept-language": "vi"}, cookies=cookies) as manager:
        form = {"key": "own_rule", "name": "Our own", "condition": "1 < 2"}
        refused = manager.post("/rules", data=form)
        assert refused.status_code == 422
        assert "điều kiện không dùng biến nào" in refused.text
        draft = manager.post("/rules", data={**form, "condition": "late_rate > 0.3"}).headers["location"]
        tag = re.findall('name="tag" value="([^"]+)"', manager.get(draft).text)[0]
        changed = {**form, "names.en": "Our own", "severity": "info", "no_data": "keep", "tag": tag}
        changed |= {"condition": "late_rate > 0.3", "parameters": "idle = 0.5"}
        assert manager.post(draft, data=changed).is_redirect
        page = manager.get(f"{draft}/preview").text
        assert "Không điều kiện nào của quy tắc dùng tham số idle" in page
        tag = re.findall('name="tag" value="([^"]+)"', page)[0]
        rule_page = manager.post(f"{draft}/activate", data={"tag": tag}).headers["location"]
        assert "tham số idle" in manager.get(rule_page).text


def test_what_is_gone_since_a_rule_was_drafted_is_told_at_its_activation(site: Site) -> None:
    def tag(*tags: str) -> None:
        with site.services.db.write() as session:
            partners.update(session, partner_id, {"tags": list(tags)}, version=None, now=utc_now())

    partner_id = uuid.UUID(site.seeded["Aurora Diagnostics"])
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    with site.visitor(headers={"origin": site.url, "accept-language": "vi"}, cookies=cookies) as manager:
        tag("group:north")
        form = {"key": "own_rule", "name": "Our own", "condition": "late_rate > 0.3"}
        draft = manager.post("/rules", data=form).headers["location"]
        drafted = re.findall('name="tag" value="([^"]+)"', manager.get(draft).text)[0]
        whole = {**form, "names.en": "Own", "severity": "info", "no_data": "keep", "tag": drafted}
        assert manager.post(draft, data={**whole, "inhibited_by": "band_extreme: tag:group:"}).status_code == 303
        seen = re.findall('name="tag" value="([^"]+)"', manager.get(f"{draft}/preview").text)[0]
        tag()
        refused = manager.post(f"{draft}/activate", data={"tag": seen})
    assert (refused.status_code, "không đối tác nào có tag:group:" in refused.text) == (422, True)


def test_a_rule_whose_band_the_matrix_in_use_lacks_says_so_on_its_pages(site: Site) -> None:
    def bands(keys: list[str]) -> dict[str, Any]:
        with site.services.db.read() as session:
            data = deepcopy(matrices.active(session).data)
        data["bands"] = [{**data["bands"][rank], "key": key} for rank, key in enumerate(keys)]
        data["grid"] = [[keys[-1]] * len(row) for row in data["grid"]]
        return data

    with site.services.db.write() as session:
        drafted = matrices.draft(session, bands(["low", "middling", "dire"]), "test", utc_now()).version
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    with site.visitor(headers={"origin": site.url, "accept-language": "zh-Hant"}, cookies=cookies) as manager:
        form = {"key": "own_rule", "name": "Our own", "condition": "band == 'dire'"}
        draft = manager.post("/rules", data=form).headers["location"]
        page = manager.get(f"{draft}/preview").text
        assert "使用中的矩陣沒有" in page
        assert "第 1 行第 9 個字" in page
        tag = re.findall('name="tag" value="([^"]+)"', page)[0]
        rule_page = manager.post(f"{draft}/activate", data={"tag": tag}).headers["location"]
        assert "使用中的矩陣沒有" in manager.get(rule_page).text
        with site.services.db.write() as session:
            matrices.activate(session, drafted, "test", utc_now())
        assert "使用中的矩陣沒有" not in manager.get(rule_page).text


def test_who_changes_their_mind_too_often_is_told_so(site: Site, verdict_path: str) -> None:
    alert_id = uuid.UUID(urlsplit(verdict_path).path.split("/")[2])
    with site.services.db.write() as session:
        for number in range(verdicts.MOST_OF_ONE):
            worth = (Worth.USEFUL, Worth.TOO_LATE)[number % 2]
            verdicts.add(session, alert_id, worth, author="lin@warden.example", via="email", now=utc_now())
    with site.visitor(headers={"accept": "text/html", "accept-language": "en"}) as stranger:
        answer = stranger.post(verdict_path)
    assert (answer.status_code, "no more are noted" in answer.text) == (409, True)


@pytest.mark.parametrize(
    "forge",
    [
        lambda path: path.replace("/noise?", "/useful?"),
        lambda path: path.replace("/noise?", "/fine?"),
        lambda path: path.replace("lin%40", "tran%40"),
        lambda path: re.sub(r"signature=.*", "signature=00", path),
        lambda path: re.sub(r"/alerts/[^/]+/", f"/alerts/{uuid.UUID(int=7)}/", path),
    ],
    ids=["another worth", "no worth", "another recipient", "no signature", "another alert"],
)
def test_a_link_that_was_changed_leads_nowhere(site: Site, verdict_path: str, forge: object) -> None:
    path = forge(verdict_path)  # type: ignore[operator]
    with site.visitor(headers={"accept": "text/html"}) as stranger:
        assert stranger.get(path).status_code == 404
        assert stranger.post(path).status_code == 404


def test_a_link_works_in_a_browser_without_signing_in(visitor: Watched, verdict_path: str) -> None:
    page = visitor.open(verdict_path)
    page.get_by_role("button", name="Note it for lin@warden.example: Noise").click()
    expect(page.get_by_role("status")).to_contain_text("Thank you.")


def test_what_stands_in_the_form_is_what_is_read_from_it(site: Site) -> None:
    with site.services.db.read() as session:
        for rule in rules.listing(session):
            definition = rule_versions.definition_of(rule)
            assert typed(entered(definition)) == (definition, [])
            odd = {**definition, "parameters": {"most": 1_234_567.25, "least": 1 / 3}, "for_seconds": 366 * 86_400 - 1}
            assert typed(entered(odd)) == (odd, [])


def test_what_cannot_be_read_of_a_form_is_told_at_its_place() -> None:
    _, faults = typed({"for_hours": "soon", "meeting_within_days": "-1", "parameters": "most = 1\n\nleast\nmost = 2"})
    assert [fault.where for fault in faults] == [
        "for_seconds",
        "meeting_within_days",
        "parameters, line 3",
        "parameters, line 4",
    ]
