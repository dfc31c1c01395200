"""The pages in a real browser: entering, reading, acting, and what they must never do."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from browsing import Watched
from playwright.sync_api import Browser, Page, expect
from portfolio import HOSTILE, NOTE
from served import Site

from warden.clock import utc_now
from warden.domain import Role

LATE = "Aurora Diagnostics"
PICTURE = os.environ.get("WARDEN_SCREENSHOT")
"""Where to put the picture for the README; without it none is made. Read here: tests run without WARDEN_ variables."""

PICTURE_LINK = os.environ.get("WARDEN_SCREENSHOT_LINK")
"""A one-time link into the service to picture, as `make demo` prints one; without it, the tests' own portfolio."""

PICTURES = os.environ.get("WARDEN_SCREENSHOTS")
"""A folder for pictures of all pages, to look at while working on them."""

PATHS = (
    *("/", "/partners", "/alerts", "/meetings", "/sources", "/notifications", "/unattributed"),
    *("/criteria", "/criteria/placement", "/matrices", "/matrices/1", "/matrices/1/preview", "/backtest"),
    *("/names", "/news-models", "/rules", "/rules/context", "/rules/new"),
    *("/alerts/silences?state=all", "/alerts/silences/new", "/alerts/notices", "/alerts/routes", "/alerts/routes/new"),
    *("/alerts/duty", "/alerts/playbooks", "/alerts/playbooks/trust/1"),
)


def link(site: Site) -> str:
    """Return a fresh address for signing in as a manager."""
    return f"{site.url}/sign-in?token={site.link('manager@warden.example')}"


def test_a_link_signs_in_only_when_the_button_is_pressed(visitor: Watched) -> None:
    address = link(visitor.site)
    for _ in range(2):  # a mail scanner, then the person
        visitor.page.goto(address)
        expect(visitor.page.locator("h1")).to_have_text("Sign in")
    visitor.page.get_by_role("button", name="Sign in").click()
    expect(visitor.page.locator("h1")).to_have_text("Risk matrix")
    visitor.page.locator(".you summary").click()
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.open("/partners")
    assert visitor.page.url.endswith("/sign-in?next=%2Fpartners")


def test_a_used_link_says_so(visitor: Watched) -> None:
    address = link(visitor.site)
    visitor.page.goto(address)
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.goto(address)
    visitor.page.get_by_role("button", name="Sign in").click()
    expect(visitor.page.locator("main")).to_contain_text("has been used or has expired")
    visitor.forgive("401")


def test_after_signing_in_people_land_where_they_wanted_to_go(visitor: Watched) -> None:
    visitor.open("/alerts?state=all")
    visitor.page.goto(link(visitor.site) + "&next=%2Falerts%3Fstate%3Dall")
    visitor.page.get_by_role("button", name="Sign in").click()
    assert visitor.page.url.endswith("/alerts?state=all")


def test_the_matrix_shows_every_partner_once(window: Watched) -> None:
    page = window.open("/")
    chips = page.locator("table.matrix ul.chips a[href^='/partners/']").count()
    listed = page.locator("h2:has-text('Not rated') ~ ul a").count()
    assert chips + listed == len(window.site.seeded)
    assert page.locator("table.matrix th[scope=row]").count() == 5
    expect(page.locator("table.matrix th[scope=row]").nth(2)).to_contain_text("from 40%")
    assert page.locator("table.matrix th[scope=col]").count() == 5


def test_the_worst_partner_stands_first_with_its_reason(window: Watched) -> None:
    first = window.open("/").locator("h2:has-text('Worst first') ~ ul li").first
    expect(first).to_contain_text("Bridgewater Freight")
    expect(first).to_contain_text(re.compile("has gone silent:", re.IGNORECASE))
    expect(first).to_contain_text("over 95%")


def test_the_filter_keeps_only_one_tier(window: Watched) -> None:
    page = window.open("/")
    page.locator("select[name=tier]").select_option("strategic")
    expect(page.locator("#board")).not_to_contain_text("Cobalt Packaging")
    expect(page.locator("#board")).to_contain_text(LATE)
    assert "tier=strategic" in page.url


def test_a_partner_page_explains_its_placement(window: Watched) -> None:
    page = _partner(window, LATE)
    why = page.locator("article", has=page.locator("h2:text-is('Why')"))
    expect(why).to_contain_text("late deliveries are now estimated at")
    portions = [float(meter.get_attribute("value") or 0) for meter in why.locator("meter").all()]
    assert sum(portions) == pytest.approx(1.0)
    assert portions == sorted(portions, reverse=True)
    expect(page.locator("#facts")).to_contain_text(NOTE)
    expect(page.locator("#placement")).to_contain_text(" since ")
    expect(page.locator("article", has=page.locator("h2:text-is('Impact')"))).to_contain_text("weight 0.3")
    why.locator("summary").first.click()
    expect(why.locator("details li").first).to_contain_text("Delivery due")


def test_the_charts_are_drawn(window: Watched) -> None:
    page = _partner(window, LATE)
    expect(page.locator(".chart canvas")).to_have_count(3)
    expect(page.locator(".chart h3").first).to_contain_text("Likelihood")


def test_older_facts_are_one_click_away(window: Watched) -> None:
    page = _partner(window, LATE)
    newest = page.locator("#facts tbody th").first.inner_text()
    page.get_by_role("link", name="Show older").click()
    expect(page.locator("#facts tbody th").first).not_to_have_text(newest)
    assert page.locator("#facts tbody tr").count() == 20


def test_an_alert_is_acknowledged_with_a_reason(window: Watched) -> None:
    page = window.open("/alerts")
    alert = page.locator("article", has_text="Jade River Foods").first
    alert.locator("summary").click()
    alert.get_by_label("Why may this alert rest?").fill("Their port was closed; agreed with them on Monday.")
    alert.get_by_role("button", name="Acknowledge").click()
    expect(alert).to_contain_text("Their port was closed")
    expect(alert).to_contain_text("manager@warden.example")


def test_a_reason_of_blanks_is_refused_beside_the_field(window: Watched) -> None:
    page = window.open("/alerts")
    alert = page.locator("article", has_text="Delta Pharma Supply").first
    alert.locator("summary").click()
    alert.locator("input[name=reason]").fill("   ")
    alert.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".fault")).to_have_text("Say why this alert may rest.")
    window.forgive("422")


def test_a_meeting_is_scheduled_and_then_held(window: Watched) -> None:
    page = _meeting(window, "Golden Harbour Logistics")
    expect(page.locator("ol.sentences")).to_contain_text("Agree what each side does")
    starts = (utc_now() + timedelta(days=3)).strftime("%Y-%m-%dT10:00")
    page.get_by_label("Starts").fill(starts)
    page.get_by_label("Place or link").fill("Room 5")
    page.get_by_role("button", name="Schedule").click()
    expect(page.locator("dl")).to_contain_text("Room 5")
    expect(page.locator(".pair .tag").first).to_have_text("Scheduled")
    window.open("/notifications")
    expect(page.locator("tbody tr").first).to_contain_text("Executive meeting scheduled")
    _meeting(window, "Golden Harbour Logistics")
    page.locator("summary", has_text="It was held").click()
    page.get_by_label("What was agreed").fill("Weekly calls until deliveries are back on time.\nOwner: Lin Yu-chen.")
    page.get_by_role("button", name="Close with this outcome").click()
    expect(page.locator(".written")).to_contain_text("Weekly calls")


def test_a_meeting_in_the_past_is_refused_and_what_was_typed_is_kept(window: Watched) -> None:
    page = _meeting(window, "Bridgewater Freight")
    page.locator("#starts_at").evaluate("field => field.removeAttribute('min')")
    page.get_by_label("Starts").fill("2011-06-30T10:00")
    page.get_by_label("Place or link").fill("Room 5")
    page.get_by_role("button", name="Schedule").click()
    expect(page.locator(".fault")).to_have_text("Choose a time that is not over yet.")
    expect(page.get_by_label("Place or link")).to_have_value("Room 5")
    window.forgive("422")


def test_a_meeting_is_waived_with_a_reason_whatever_is_in_it(window: Watched) -> None:
    page = _meeting(window, LATE)
    page.locator("summary", has_text="No meeting is needed").click()
    page.get_by_label("Why not?").fill("Settled by phone: 50% paid back, 100%(sure)s")
    page.get_by_role("button", name="Waive the meeting").click()
    expect(page.locator(".written")).to_contain_text("50% paid back")
    window.open("/notifications")
    expect(page.locator("tbody tr").first).to_contain_text("cancelled")


def test_a_meeting_is_asked_for_where_none_is_open(window: Watched) -> None:
    page = _meeting(window, LATE)
    page.locator("summary", has_text="No meeting is needed").click()
    page.get_by_label("Why not?").fill("Too early.")
    page.get_by_role("button", name="Waive the meeting").click()
    page.get_by_role("link", name="Open the partner").click()
    page.get_by_role("link", name="Propose an executive meeting …").click()
    expect(page.locator("h1")).to_have_text(f"Propose an executive meeting: {LATE}")
    page.get_by_role("button", name="Propose the meeting").click()
    expect(page.locator(".fault")).to_have_text("Say why people should meet.")
    page.get_by_label("Why should people meet?").fill("Two more orders are late.")
    page.get_by_label("Within how many working days?").fill("3")
    page.get_by_role("button", name="Propose the meeting").click()
    expect(page.locator("h1")).to_have_text(f"Executive meeting: {LATE}")
    expect(page.locator("main")).to_contain_text("manager@warden.example asked for it: Two more orders are late.")
    expect(page.locator(".pair .tag").first).to_have_text("Proposed")
    window.forgive("422")


def test_a_stray_name_is_given_to_a_partner(window: Watched) -> None:
    page = window.open("/unattributed")
    row = page.locator("tr", has_text="nobody-1")
    row.locator("input[name=partner]").fill("Nobody at all")
    row.get_by_role("button", name="Map").click()
    expect(page.locator(".fault")).to_contain_text("There is no partner of this name")
    page.locator("tr", has_text="nobody-1").locator("input[name=partner]").fill("Kestrel Software")
    page.get_by_role("button", name="Map").click()
    expect(page.locator("main")).to_contain_text("Every fact has its partner.")
    expect(_partner(window, "Kestrel Software").locator("main")).to_contain_text("nobody-1")
    window.forgive("422")


def test_a_viewer_sees_no_forms(visitor: Watched) -> None:
    visitor.sign_in(Role.VIEWER)
    for path in ("/alerts", "/unattributed"):
        assert visitor.open(path).locator("main form[method=post]").count() == 0
    assert _meeting(visitor, "Indigo Chemicals", optional=True).locator("main form[method=post]").count() == 0


def test_hostile_text_stays_text(window: Watched) -> None:
    page = _partner(window, HOSTILE)
    expect(page.locator("h1")).to_have_text(HOSTILE)
    assert "owned" not in page.title().split("<script>")[0]
    for path in PATHS:
        assert window.open(path).locator("main script").count() == 0


def test_unknown_pages_say_so(window: Watched) -> None:
    page = window.open("/no/such/page")
    expect(page.locator("h1")).to_have_text("There is no such page")
    page = window.open("/partners/00000000-0000-0000-0000-000000000000")
    expect(page.locator("h1")).to_have_text("There is no such page")
    window.forgive("404")


def test_the_language_is_switched_and_kept(window: Watched) -> None:
    page = window.open("/partners")
    page.locator(".you summary").click()
    page.get_by_role("button", name="繁體中文").click()
    assert page.url.endswith("/partners")
    expect(page.locator("h1")).to_have_text("合作夥伴")
    page.locator(".you summary").click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_have_text("Partners")


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_window(browser: Browser, site: Site, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, locale="en-GB", color_scheme=scheme)
    window = Watched(context, context.new_page(), site)
    window.sign_in()
    own = _path(window, LATE)
    meeting = str(window.open("/meetings").get_by_role("link", name=LATE).get_attribute("href"))
    for path in (*PATHS, own, f"{own}/incidents", f"{own}/criteria", f"{own}/changes?on=2011-01-01", meeting):
        page = window.open_whole(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        if PICTURES:
            name = "-".join(part for part in path.partition("?")[0].split("/") if part.isalpha()) or "matrix"
            name += "-one" if path in (own, meeting) else ""
            page.screenshot(path=Path(PICTURES) / f"{name}-{width}-{scheme}.png", full_page=True)
    context.close()
    assert window.complaints == []


def test_without_javascript_everything_can_still_be_read_and_done(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    window = Watched(context, context.new_page(), site)
    window.sign_in()
    page = window.open("/")
    page.locator("select[name=tier]").select_option("tail")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#board")).not_to_contain_text(LATE)
    expect(_partner(window, LATE).locator(".chart")).to_contain_text("The charts need JavaScript")
    context.close()


def test_the_picture_for_the_readme(browser: Browser, site: Site, tmp_path: Path) -> None:
    picture = Path(PICTURE or tmp_path / "picture.png")
    context = browser.new_context(viewport={"width": 1200, "height": 1420}, locale="en-GB")
    page = context.new_page()
    page.goto(PICTURE_LINK or link(site))
    page.locator("main form button").click()
    page.wait_for_selector("table.matrix")
    page.screenshot(path=picture)
    context.close()
    assert picture.read_bytes().startswith(b"\x89PNG")


def _path(window: Watched, name: str) -> str:
    return f"/partners/{window.site.seeded[name]}"


def _partner(window: Watched, name: str) -> Page:
    return window.open(_path(window, name))


def _meeting(window: Watched, name: str, *, optional: bool = False) -> Page:
    page = window.open("/meetings?state=all")
    link = page.get_by_role("link", name=name)
    if not (optional and link.count() == 0):
        link.click()
    return page
