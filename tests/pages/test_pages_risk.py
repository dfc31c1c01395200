"""Criteria, versions of the matrix, overrides, the ledger and the track record, as people use them in a browser."""

import re
from datetime import timedelta

import pytest
from browsing import Watched
from playwright.sync_api import Page, expect
from portfolio import WORD
from served import Site

from warden.clock import utc_now
from warden.domain import Role
from warden.pipeline import assess, backtest
from warden.store import learning
from warden.web.deps import SESSION_COOKIE

WELL = "Hanoi Precision"
LATE = "Aurora Diagnostics"
SET = "Evergreen Textiles"


def open_partner(window: Watched, name: str, rest: str = "") -> Page:
    return window.open(f"/partners/{window.site.seeded[name]}{rest}")


def assess_again(window: Watched) -> None:
    assess.run(window.site.services.db, window.site.services.settings, utc_now())


def test_each_outcome_is_stated_and_its_views_sum_to_its_likelihood(window: Watched) -> None:
    page = open_partner(window, LATE)
    expect(page.locator("#why")).to_contain_text(
        "goes silent: no sign of life (message or meeting) for at least 30 days and for longer than 99%"
    )
    for section in page.locator("#why section:has(table.views)").all():
        section.locator("summary").first.click()
        parts = [float(cell.replace("−", "-")) for cell in section.locator("tbody td.figure").all_inner_texts()]
        total = float(section.locator("tfoot td.figure").inner_text())
        assert sum(parts) == pytest.approx(total, abs=1e-9)
        expect(section.locator("svg rect")).to_have_count(len(parts))
    expect(page.locator("#why")).to_contain_text("nothing has been learned yet")


def test_what_is_missing_opens_a_range_of_cells(window: Watched) -> None:
    placement = open_partner(window, LATE).locator("#placement")
    expect(placement).to_contain_text("Missing:")
    expect(placement.locator("table.mini td", has_text="●")).to_have_count(1)
    expect(placement.locator("table.mini tr")).to_have_count(5)


def test_a_persons_word_stands_beside_what_is_computed_until_it_is_withdrawn(window: Watched) -> None:
    page = open_partner(window, WELL)
    computed = page.locator("#placement .figures strong").first.inner_text()
    page.locator("summary", has_text="Set the likelihood").click()
    form = page.locator("form", has=page.locator("#likelihood-value"))
    form.get_by_label("Likelihood in per cent").fill("70")
    form.get_by_label("Why does the computed value not hold?").fill("Their plant burnt down.")
    form.get_by_label("It holds until the end of").fill((utc_now() + timedelta(days=9)).strftime("%Y-%m-%d"))
    form.get_by_role("button").click()
    expect(page.locator("#overrides")).to_contain_text("It counts from the next assessment on")
    assess_again(window)
    page = open_partner(window, WELL)
    placement = page.locator("#placement")
    expect(placement).to_contain_text(f"Likelihood 70% instead of the computed {computed}.")
    expect(placement).to_contain_text("Their plant burnt down.")
    expect(placement).to_contain_text("manager@warden.example")
    page.get_by_role("link", name="What changed, and why?").click()
    row = page.locator("tr", has_text="What people set by hand")
    expect(row).to_contain_text("70% set by manager@warden.example: Their plant burnt down.")
    steps = [float(text) for text in page.locator(".changes tbody td[data-label=Likelihood]").all_inner_texts()]
    assert sum(steps) == pytest.approx(float(page.locator(".changes tfoot strong").first.inner_text()))
    open_partner(window, WELL).get_by_role("button", name="Withdraw").click()
    expect(page.locator("#overrides")).to_contain_text("None at present.")
    assess_again(window)
    assert open_partner(window, WELL).locator("#placement .figures strong").first.inner_text() == computed


def test_an_override_without_sense_is_refused_beside_the_field(window: Watched) -> None:
    page = open_partner(window, SET)
    page.locator("summary", has_text="Set the impact").click()
    form = page.locator("form", has=page.locator("#impact-value"))
    form.locator("#impact-value").evaluate("field => field.removeAttribute('max')")
    form.get_by_label("Impact, from 1 to 5").fill("9")
    form.get_by_label("Why does the computed value not hold?").fill("So it is.")
    form.get_by_label("It holds until the end of").fill("2001-01-01")
    form.get_by_role("button").click()
    expect(page.locator("#fault-value")).to_have_text(re.compile("an impact from 1 to 5"))
    expect(page.locator("#fault-expires_at")).to_have_text("Choose a day that is not over yet, at most a year away.")
    expect(page.get_by_label("Impact, from 1 to 5")).to_have_value("9")
    window.forgive("422")


def test_all_that_an_override_lacks_is_told_at_once(window: Watched) -> None:
    page = open_partner(window, SET)
    page.locator("summary", has_text="Set the impact").click()
    page.locator("form", has=page.locator("#impact-value")).get_by_role("button").click()
    expect(page.locator("#fault-value")).to_have_text(re.compile("an impact from 1 to 5"))
    expect(page.locator("#fault-reason")).to_have_text("Say why the computed value does not hold.")
    expect(page.locator("#fault-expires_at")).to_have_text("Choose a day that is not over yet, at most a year away.")
    window.forgive("422")


def test_a_day_is_seen_with_what_was_known_then_and_is_known_now(window: Watched) -> None:
    page = open_partner(window, LATE, "/changes")
    page.get_by_label("What did we say at the end of").fill(utc_now().strftime("%Y-%m-%d"))
    page.get_by_role("button", name="Look back").click()
    expect(page.locator("h2").first).to_have_text("What we said, and what we would say now")
    expect(page.locator(".changes tbody tr")).to_have_count(6)
    page.get_by_label("From the end of").fill("2199-01-01")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#fault-since")).to_have_text("Choose a day that has begun.")
    window.forgive("422")


def test_a_criterion_is_set_for_one_partner_and_taken_back(window: Watched) -> None:
    page = open_partner(window, WELL, "/criteria")
    silence = page.locator("article#silence")
    expect(silence).to_contain_text("no sign of life (message or meeting) for at least 30 days")
    silence.locator("a", has_text="Set for this partner").click()
    page.get_by_label("A silence of at least so many days.").fill("5")
    page.locator("#days").evaluate("field => field.removeAttribute('min')")
    page.get_by_role("button", name="Set from now on").click()
    expect(page.locator("#fault-days")).to_contain_text("found 5")
    page.get_by_label("A silence of at least so many days.").fill("14")
    page.get_by_label("Why?").fill("A weekly call is agreed.")
    page.get_by_role("button", name="Set from now on").click()
    expect(page.locator("main")).to_contain_text("A weekly call is agreed.")
    row = open_partner(window, WELL, "/criteria").locator("#silence tr", has_text="A silence of at least so many days")
    expect(row).to_contain_text("14")
    expect(row).to_contain_text("this partner")
    page.locator("#silence a").click()
    page.get_by_label("A silence of at least so many days.").fill("")
    page.get_by_role("button", name="Set from now on").click()
    expect(page.locator("h2", has_text="Earlier")).to_be_visible()
    row = open_partner(window, WELL, "/criteria").locator("#silence tr", has_text="A silence of at least so many days")
    expect(row).to_contain_text("Warden's default")
    window.forgive("422")


def test_criteria_show_what_was_set_for_whom_by_whom_and_why(window: Watched) -> None:
    page = window.open("/criteria")
    silence = page.locator("article#silence")
    expect(silence).to_contain_text("for the tier key")
    expect(silence).to_contain_text(WORD)
    expect(silence.locator("li", has_text="the tier key")).to_have_count(1)
    page.get_by_role("link", name="Show what has ended, too").click()
    expect(silence.locator("li", has_text="the tier key")).to_have_count(2)
    silence.locator("input[name=subject]").fill("strategic")
    silence.get_by_role("button", name="Set for this tier").click()
    expect(page.locator(".tag").first).to_have_text("for the tier strategic")
    page = window.open("/criteria/impact")
    page.locator("#tiers").fill("gold: 0.9\nsilver: 0.5")
    page.get_by_role("button", name="Set from now on").click()
    expect(page.locator("#tiers")).to_have_value("gold: 0.9\nsilver: 0.5")
    page.locator("#tiers").fill("")
    page.get_by_role("button", name="Set from now on").click()
    expect(page.locator("li .phrase strong")).to_have_text("gold 0.9; silver 0.5")


def test_a_matrix_is_drafted_refused_by_path_looked_at_and_activated(window: Watched) -> None:
    page = window.open("/matrices")
    page.get_by_role("button", name="Draft a new version").click()
    text = page.get_by_label("The matrix as JSON")
    shipped = text.input_value()
    middle = '["low", "moderate", "moderate", "high", "high"]'
    text.fill(shipped.replace(middle, '["low", "moderate", "severe", "high"]'))
    page.get_by_role("button", name="Save and see who would move").click()
    expect(page.get_by_role("alert")).to_contain_text("grid[2][2]: no band has the key 'severe'")
    expect(page.get_by_role("alert")).to_contain_text("grid[2]: found 4 cells, expected 5")
    expect(text).to_have_value(re.compile("severe"))
    text.fill(shipped.replace('"levels"', "levels"))
    page.get_by_role("button", name="Save and see who would move").click()
    expect(page.get_by_role("alert")).to_contain_text("line 2, column 3")
    text.fill(shipped.replace('"from": 0.8', '"from": 0.995'))
    page.get_by_role("button", name="Save and see who would move").click()
    expect(page.locator("h1")).to_have_text("Who would move?")
    row = page.locator("tbody tr", has_text="Bridgewater Freight")
    expect(row).to_contain_text("into another level")
    page.get_by_role("button", name="Activate version").click()
    expect(page.locator("tbody tr").first).to_contain_text("In use")
    expect(window.open("/").locator("#board")).to_contain_text("Not placed on the new matrix yet.")
    assess_again(window)
    expect(window.open("/").locator("#board")).not_to_contain_text("Not placed on the new matrix yet.")
    window.forgive("422")


def test_a_draft_that_somebody_changed_meanwhile_is_not_activated(window: Watched) -> None:
    page = window.open("/matrices")
    page.get_by_role("button", name="Draft a new version").click()
    page.get_by_role("link", name="Who would move?").click()
    page.locator("input[name=tag]").evaluate("field => field.value = 'older'")
    page.get_by_role("button", name="Activate version").click()
    expect(page.locator("h1")).to_have_text("Something changed meanwhile")
    window.open("/matrices").locator("tr", has_text="Draft").get_by_role("link").click()
    page.get_by_role("button", name="Delete the draft").click()
    expect(page.locator("tbody")).to_contain_text("In use")
    expect(page.locator("tbody")).not_to_contain_text("Draft")
    window.forgive("412")


def test_the_track_record_says_it_in_words_then_in_figures(window: Watched) -> None:
    page = window.open("/backtest")
    expect(page.locator("#record")).to_contain_text("false alarms per 100 partner-quarters")
    expect(page.locator("#record tbody tr").first).to_contain_text("likelihood")
    expect(page.locator("#record tbody").first.locator("tr")).to_have_count(5)
    assert page.locator(".calibration circle").count() == 10
    expect(page.locator("#learned tbody tr")).to_have_count(6)
    page.get_by_role("button", name="Look at the past again").click()
    expect(page.get_by_role("status")).to_contain_text("It begins within a minute.")
    services = window.site.services
    backtest.run_requested(services.db, services.settings, utc_now())
    expect(page.get_by_role("status")).to_have_count(0, timeout=15_000)
    with services.db.read() as session:
        assert learning.pending_backtest(session) is None


def test_a_viewer_reads_everything_and_changes_nothing(visitor: Watched) -> None:
    visitor.sign_in(Role.VIEWER)
    for path in ("/criteria", "/criteria/silence", "/matrices", "/matrices/1", "/matrices/1/preview", "/backtest"):
        page = visitor.open(path)
        assert page.locator("main form[method=post] button").count() == 0, path
    assert open_partner(visitor, SET).locator("#overrides form").count() == 0
    expect(visitor.page.locator("#overrides")).to_contain_text(WORD)


def test_two_who_set_a_criterion_at_once_do_not_overwrite_each_other(site: Site) -> None:
    cookies = {SESSION_COOKIE: site.session(Role.MANAGER)}
    path = "/criteria/late_share"
    with site.visitor(headers={"origin": site.url}, cookies=cookies) as manager:
        tag = re.findall('name="tag" value="([^"]+)"', manager.get(path).text)[0]
        assert manager.post(path, data={"horizon_days": "60", "tag": tag}).status_code == 303
        assert manager.post(path, data={"horizon_days": "70", "tag": tag}).status_code == 412
        assert 'value="60"' in manager.get(path).text
        tag = re.findall('name="tag" value="([^"]+)"', manager.get(path).text)[0]
        refused = manager.post(path, data={"horizon_days": "soon", "tag": tag})
        assert (refused.status_code, f'name="tag" value="{tag}"' in refused.text) == (422, True)
        assert manager.post(path, data={"tag": tag}).status_code == 303  # every field is empty: it ends
