"""What keeps alerts bearable, in a real browser: silencing, judging, assigning, routes, duty, the chain, playbooks."""

import html
import re
from datetime import timedelta

import pytest
from browsing import Watched
from playwright.sync_api import Page, expect
from served import Site
from sqlalchemy import select

from warden.clock import utc_now
from warden.domain import AlertEventKind, Cause, Role
from warden.models import Alert, Partner, Rule
from warden.pipeline import announce
from warden.rules.context import BY_NAME
from warden.store import alert_events, partners, people
from warden.web.deps import SESSION_COOKIE
from warden.web.pages import choices
from warden.wording import reader_of

SILENT = "Fjord Components"


def _alert(site: Site, partner: str, rule: str) -> Alert:
    with site.services.db.read() as session:
        query = select(Alert).join(Partner, Partner.id == Alert.partner_id).join(Rule, Rule.id == Alert.rule_id)
        return session.scalars(query.where(Partner.name == partner, Rule.key == rule)).one()


def _open(window: Watched, partner: str, rule: str = "late_rate") -> Page:
    return window.open(f"/alerts/{_alert(window.site, partner, rule).id}")


def _worsened(site: Site, alert: Alert) -> None:
    """Let something happen to an alert, and announce it."""
    now = utc_now()
    row = {"alert_id": alert.id, "partner_id": alert.partner_id, "cause": Cause.NEW_FACTS, "announced_at": None}
    reason = {"message": "The condition holds.", "params": {}}
    with site.services.db.write() as session:
        alert_events.add(session, [{**row, "kind": AlertEventKind.WORSE, "at": now, "reason": reason}])
    announce.run(site.services.db, site.services.vault, site.services.settings, now, at_once=True)


def test_an_alert_is_silenced_from_its_page_and_the_ledger_says_who_was_not_told(window: Watched) -> None:
    page = _open(window, SILENT)
    page.get_by_role("link", name="Silence this alert").click()
    expect(page.get_by_label("Partners", exact=True)).to_have_value(SILENT)
    page.get_by_role("button", name="Add the silence").click()
    expect(page.locator(".fault")).to_have_text("Say why nobody is to be told.")
    expect(page.get_by_label("Partners", exact=True)).to_have_value(SILENT)
    page.get_by_label("Why is nobody to be told?").fill("Their plant moves this week.")
    page.get_by_role("button", name="Add the silence").click()
    silence = page.locator("article li", has_text="Their plant moves this week.")
    expect(silence).to_contain_text("In force")
    _worsened(window.site, _alert(window.site, SILENT, "late_rate"))
    window.open("/alerts/notices")
    page.get_by_label("Partner").fill(SILENT)
    page.get_by_role("button", name="Show").click()
    expect(page.locator("article li").first).to_contain_text("Not told: Silenced")
    expect(page.locator("article li").first).to_contain_text("Their plant moves this week.")
    expect(_open(window, SILENT).locator("#notices")).to_contain_text("Not told: Silenced")
    expect(page.locator("#why")).to_contain_text("manager@warden.example silenced it until")
    window.open("/alerts/silences")
    silence.get_by_role("button", name="End it now").click()
    expect(page.locator("article li", has_text="Their plant moves this week.")).to_have_count(0)
    expect(window.open("/alerts/silences?state=all").locator("article li").first).to_contain_text("Ended early")
    window.forgive("422")


def test_a_silence_for_a_partner_there_is_not_is_refused_and_what_was_typed_is_kept(window: Watched) -> None:
    page = window.open("/alerts/silences/new")
    page.get_by_label("Partners", exact=True).fill("Nobody & Sons")
    page.get_by_label("Why is nobody to be told?").fill("Because.")
    page.get_by_label("Until").fill("2011-01-01T10:00")
    page.get_by_role("button", name="Add the silence").click()
    expect(page.locator(".fault").first).to_have_text("There is no partner of this name: Nobody & Sons")
    expect(page.get_by_label("Why is nobody to be told?")).to_have_value("Because.")
    page.get_by_label("Partners", exact=True).fill(SILENT)
    page.get_by_role("button", name="Add the silence").click()
    expect(page.locator(".fault")).to_contain_text("at most 90 days away")
    window.forgive("422")


def test_a_verdict_is_given_with_one_click_and_can_be_changed(window: Watched) -> None:
    page = _open(window, "Delta Pharma Supply")
    page.get_by_label("In a word (optional)").fill("They told us before.")
    page.get_by_role("button", name="Noise").click()
    expect(page.get_by_role("button", name="Noise")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#acts li")).to_contain_text("They told us before.")
    page.get_by_role("button", name="Too late").click()
    expect(page.get_by_role("button", name="Too late")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#acts li")).to_have_count(1)


def test_an_alert_shows_what_it_points_to_with_the_steps_that_help(window: Watched) -> None:
    page = _open(window, "Delta Pharma Supply")
    expect(page.locator("#advice")).to_contain_text(re.compile("under-performance", re.IGNORECASE))
    assert page.locator("#advice ol.steps li").count() > 2
    page.locator("summary", has_text="What the rule saw at that moment").click()
    expect(page.locator("#why tbody")).to_contain_text("late_rate")
    expect(page.locator("#history")).to_contain_text("Began to fire")
    page.get_by_role("link", name="Playbook, version 1").click()
    expect(page.locator("h1")).to_have_text(re.compile("under-performance", re.IGNORECASE))


def test_an_alert_is_given_to_somebody(window: Watched) -> None:
    page = _open(window, "Delta Pharma Supply")
    page.get_by_label("Give it to").fill("Nobody at all")
    page.get_by_role("button", name="Give").click()
    expect(page.locator("#assign .fault")).to_contain_text("Nobody of ours has this name")
    expect(page.get_by_label("Give it to")).to_have_value("Nobody at all")
    window.forgive("422")
    page.get_by_label("Give it to").fill("Lin Yu-chen")
    page.get_by_role("button", name="Give").click()
    expect(page.locator("#assign")).to_contain_text("Lin Yu-chen")
    expect(page.get_by_label("Give it to")).to_have_value("lin@warden.example")
    expect(page.locator("#history")).to_contain_text("Given to Lin Yu-chen")
    page.get_by_label("Give it to").fill("")
    page.get_by_role("button", name="Give").click()
    expect(page.locator("#history")).to_contain_text("Given to nobody any more")


def test_a_playbook_is_drafted_edited_in_every_language_and_activated(window: Watched) -> None:
    page = window.open("/alerts/playbooks")
    page.locator("#culture").get_by_role("button", name="Draft a new version").click()
    steps = page.locator("#steps-vi")
    lines = steps.input_value().splitlines()
    steps.fill("\n".join(lines[:-1]))
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator(".fault")).to_contain_text(f"Tiếng Việt: step {len(lines)} is missing")
    for locale in ("en", "zh-Hant", "zh-Hans", "vi"):
        page.locator(f"#steps-{locale}").fill(f"First {locale}\nSecond {locale}")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("button", name="Activate this version").click()
    expect(page.locator(".pair .tag")).to_have_text("In use")
    window.open("/alerts/playbooks")
    expect(page.locator("#culture ol li")).to_have_text(["First en", "Second en"])
    window.forgive("422")


def test_a_route_is_added_and_the_preview_says_who_would_get_an_alert(window: Watched) -> None:
    page = window.open("/alerts/routes/new")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".fault")).to_have_count(2)
    page.get_by_label("Name", exact=True).fill("Nights")
    page.get_by_label("Operations webhook").check()
    page.locator("summary", has_text="By tier").click()
    page.get_by_label("Tiers").fill("no-such-tier")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#routes li")).to_contain_text("no-such-tier")
    page.locator("#preview input[name=partner]").fill(SILENT)
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#preview")).to_contain_text("No route takes it")
    expect(page.locator("#preview li")).to_contain_text("Operations webhook")
    page.get_by_role("link", name="Nights").click()
    page.get_by_role("button", name="Delete this route").click()
    expect(page.locator("#routes")).to_contain_text("There are no routes")
    window.forgive("422")


def test_who_is_on_duty_away_and_standing_in_and_how_alerts_climb(window: Watched) -> None:
    page = window.open("/alerts/duty")
    page.locator("summary", has_text="Put somebody on duty").click()
    page.locator("#duty-person").press_sequentially("tran")
    expect(page.locator("#people option")).to_have_count(1)  # those are offered that the text may mean
    expect(page.locator("#people option")).to_have_attribute("value", "tran@warden.example")
    page.locator("#duty-person").fill("Lin Yu-chen")
    page.get_by_role("button", name="Put on duty").click()
    expect(page.locator(".fault")).to_have_text("Choose a beginning, and an end after it.")
    page.locator("#duty-starts").fill("2026-01-01T08:00")
    page.locator("#duty-ends").fill("2099-01-01T08:00")
    page.get_by_role("button", name="Put on duty").click()
    expect(page.locator("#duty strong")).to_have_text("Lin Yu-chen")
    page.locator("summary", has_text="Set a deputy").click()
    page.locator("#deputy-person").fill("Lin Yu-chen")
    page.locator("#deputy-deputy").fill("tran@warden.example")
    page.get_by_role("button", name="Set", exact=True).click()
    page.locator("summary", has_text="Note an absence").click()
    page.locator("#absence-person").fill("lin@warden.example")
    page.locator("#absence-starts").fill("2026-01-01T08:00")
    page.locator("#absence-ends").fill("2099-01-01T08:00")
    page.get_by_role("button", name="Note the absence").click()
    expect(page.locator("#duty")).to_contain_text("away; Tran Minh stands in")
    page.locator("summary", has_text="Change the chain").click()
    page.locator("#chain input[name=minutes]").fill("240")
    page.get_by_role("button", name="Set the chain").click()
    expect(page.locator("#chain ol li")).to_contain_text("after 240 working minutes")
    for name in ("Take back the absence", "Take back the duty"):
        page.get_by_role("button", name=name).click()
    expect(page.locator("#duty")).to_contain_text("Nobody is on duty now.")
    window.forgive("422")


@pytest.mark.parametrize(
    "path",
    [
        "silences",
        "routes",
        "duty",
        "duty/absences",
        "duty/deputies",
        "duty/chain",
        "playbooks/trust",
        "playbooks/trust/1",
    ],
)
def test_a_viewer_may_look_and_not_act(site: Site, path: str) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.VIEWER)}
    with site.visitor(headers={"origin": site.url}, cookies=cookies) as viewer:
        assert viewer.post(f"/alerts/{path}", data={"reason": "x"}).status_code == 403
        page = viewer.get(f"/alerts/{path.partition('/')[0]}")
        assert (page.status_code, 'method="post" action="/alerts' in page.text) == (200, False)


def test_a_route_for_what_no_partner_has_is_kept_and_says_so(site: Site) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    said = "No partner has this just now: "
    with site.visitor(headers={"origin": site.url}, cookies=cookies) as manager:
        manager.post("/alerts/routes", data={"name": "Fits", "person": "owner", "tier": "strategic"})
        before = manager.get("/alerts/routes").text.count(said)
        form = {"name": "Odd", "person": "owner", "tier": "strategic, nosuchtier", "country": "ZZ", "tag": "x"}
        assert manager.post("/alerts/routes", data=form).status_code == 303
        shown = manager.get("/alerts/routes").text
        silence = {**form, "reason": "x", "ends_at": f"{utc_now() + timedelta(days=1):%Y-%m-%dT%H:%M}"}
        assert manager.post("/alerts/silences", data=silence).text.count("no partner has ") == 3
    assert shown.count(said) == before + 1
    assert re.search(f"{said}nosuchtier, x,? and ZZ", shown)


def test_a_route_is_changed_whatever_its_form_names_as_its_version(site: Site) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    with site.visitor(headers={"origin": site.url}, cookies=cookies) as manager:
        assert manager.post("/alerts/routes", data={"name": "Odd", "person": "owner"}).status_code == 303
        path = re.findall(r'href="(/alerts/routes/[0-9a-f-]{36})"', manager.get("/alerts/routes").text)[0]
        for version in ("²", "9" * 5000, "x"):
            changed = manager.post(path, data={"name": "Odd", "person": "owner", "version": version})
            assert changed.status_code == 303
        dated = manager.post(path, data={"name": "Odd", "person": "owner", "partner": "2026-13-45"})
        assert (dated.status_code, "There is no partner of this name: 2026-13-45" in dated.text) == (422, True)
        assert manager.post(f"{path}/remove").status_code == 303


def test_a_mistyped_chain_keeps_what_was_typed_and_a_changed_one_is_shown(site: Site) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    with site.visitor(headers={"origin": site.url}, cookies=cookies) as manager:
        tag = re.findall(r'name="tag" value="([^"]+)"', manager.get("/alerts/duty").text)[0]
        form = {"minutes": "0", "hours": "all", "to": "sponsor", "severity": "info"}
        wrong = manager.post("/alerts/duty/chain", data={"tag": tag, **form})
        assert (wrong.status_code, 'id="fault-chain"' in wrong.text) == (422, True)
        first = wrong.text.partition("<legend>Step 1")[2].partition("</fieldset>")[0]
        assert 'value="0"' in first
        for chosen in ("all", "sponsor", "info"):
            assert f'<option value="{chosen}" selected>' in first
        late = manager.post("/alerts/duty/chain", data={"tag": "of an hour ago", **form, "minutes": "77"})
        assert (late.status_code, 'value="77"' in late.text) == (422, False)


@pytest.mark.parametrize("form", ["", "/absences", "/deputies"])
def test_nobody_is_taken_for_somebody_else(site: Site, form: str) -> None:
    with site.services.db.write() as session:
        for number in range(2):
            people.get_or_create(session, email=f"an{number}@warden.example", name="Nguyen Van An")
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    span = {"starts_at": "2026-01-01T08:00", "ends_at": "2099-01-01T08:00"}
    with site.visitor(headers={"origin": site.url, "accept-language": "en"}, cookies=cookies) as manager:
        for typed in ({"person": "Nguyen Van An"}, {"person": "an0@warden.example", "deputy": "Nobody"}):
            if form or "deputy" not in typed:
                answer = manager.post(f"/alerts/duty{form}", data={**span, **typed})
                assert (answer.status_code, "several have this name" in answer.text) == (422, True)
        found = manager.post(f"/alerts/duty{form}", data={**span, "person": " AN1@warden.example"})
        assert found.status_code == 303


def test_whoever_is_not_offered_at_first_is_offered_while_the_name_is_typed(site: Site) -> None:
    with site.services.db.write() as session:
        for number in range(choices.OFFERED + 5):
            people.get_or_create(session, email=f"a{number:03}@warden.example", name=f"Aa {number:03}")
        people.get_or_create(session, email="zoe@warden.example", name="Zoë Zimmer")
        people.get_or_create(session, email="zac@partner.example", name="Zac Zimmer", ours=False)
        for number in range(choices.OFFERED):
            partners.create(session, {"name": f"AA {number}", "tier": "key", "stage": "active"}, utc_now())
    with site.visitor(cookies={SESSION_COOKIE: site.session(Role.MANAGER)}) as manager:
        assert manager.get("/choices/people").text.count("<option") == choices.OFFERED
        found = manager.get("/choices/people?deputy=zimmer").text
        assert re.findall('value="([^"]*)"', found) == ["zoe@warden.example"]
    with site.visitor(cookies={SESSION_COOKIE: site.session(Role.VIEWER)}) as viewer:
        assert viewer.get("/choices/people").status_code == 403
        offered = viewer.get("/alerts/routes").text.partition("<datalist")[2].partition("</datalist>")[0]
        assert (offered.count("<option"), "Kestrel" in offered) == (choices.OFFERED, False)
        assert 'value="Kestrel Software"' in viewer.get("/choices/partners?partner=kestrel").text
    with site.visitor() as stranger:
        assert stranger.get("/choices/people").status_code in (303, 401)


def test_a_refused_route_is_still_made_from_the_version_it_was_made_from(site: Site) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    with site.visitor(headers={"origin": site.url, "accept": "text/html"}, cookies=cookies) as manager:
        manager.post("/alerts/routes", data={"name": "Odd", "person": "owner"})
        path = re.findall(r'href="(/alerts/routes/[0-9a-f-]{36})"', manager.get("/alerts/routes").text)[0]
        form = {"name": "Odd", "person": "owner", "version": "1"}
        assert manager.post(path, data=form).status_code == 303
        refused = manager.post(path, data={**form, "partner": "Nobody"})
        assert (refused.status_code, 'name="version" value="1"' in refused.text) == (422, True)
        assert manager.post(path, data=form).status_code == 412


@pytest.mark.parametrize("minutes", [1, 2])
def test_one_minute_is_no_minutes(site: Site, minutes: int) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    with site.visitor(headers={"origin": site.url, "accept-language": "en"}, cookies=cookies) as manager:
        tag = re.findall(r'name="tag" value="([^"]+)"', manager.get("/alerts/duty").text)[0]
        form = {"tag": tag, "minutes": str(minutes), "hours": "working", "to": "owner", "severity": "critical"}
        assert manager.post("/alerts/duty/chain", data=form).status_code == 303
        assert f"after {minutes} working minute{'s' * (minutes > 1)} " in manager.get("/alerts/duty").text


def test_what_the_rule_saw_is_told_in_the_readers_language(site: Site) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.VIEWER)}
    alert = _alert(site, "Delta Pharma Supply", "late_rate")
    with site.visitor(headers={"accept-language": "vi"}, cookies=cookies) as viewer:
        page = html.unescape(viewer.get(f"/alerts/{alert.id}").text)
    meaning = BY_NAME["late_rate"].meaning
    assert (reader_of("vi").tr(meaning) in page, meaning in page) == (True, False)
