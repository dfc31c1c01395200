"""Digests as standing orders: listed, ordered, changed, previewed, and what was sent."""

import re

import httpx
from browsing import Watched
from playwright.sync_api import Browser
from served import Site

from warden.domain import Role
from warden.web.deps import SESSION_COOKIE


def client(site: Site, role: Role = Role.MANAGER) -> httpx.Client:
    cookies = {SESSION_COOKIE: site.session(role)}
    return site.visitor(cookies=cookies)


def test_a_digest_is_listed_previewed_and_changed(site: Site) -> None:
    with client(site) as browser:
        listed = browser.get("/digests")
        assert "Lin Yu-chen" in listed.text
        path = re.findall(r'href="(/digests/[0-9a-f-]{36})"', listed.text)[0]
        shown = browser.get(path)
        assert shown.status_code == 200
        assert "What it would say now" in shown.text
        assert "Worst first" in shown.text
        assert "signature=" not in shown.text, "an unsubscribing link acts for its reader"
        order = {"frequency": "monthly", "day": "28", "hour": "7", "when_empty": "skip", "enabled": "true"}
        headers = {"Sec-Fetch-Site": "same-origin"}
        changed = browser.post(path, data=order, headers=headers, follow_redirects=True)
        assert changed.status_code == 200
        assert "Every month" in changed.text
        wrong = browser.post(path, data={**order, "day": "29"}, headers=headers)
        assert wrong.status_code == 422
        back = {"frequency": "daily", "hour": "8", "enabled": "true"}
        assert browser.post(path, data=back, headers=headers).status_code == 303


def test_digests_are_found_from_the_notifications(site: Site) -> None:
    with client(site) as browser:
        assert '<a href="/digests">Digests</a>' in browser.get("/notifications").text


def test_somebody_else_gets_one_and_only_one(site: Site) -> None:
    with client(site) as browser:
        page = browser.get("/digests").text
        person = re.findall(r'<option value="([0-9a-f-]{36})">Tran Minh', page)[0]
        place = re.findall(r'<option value="([0-9a-f-]{36})">Mail', page)[0]
        order = {"person_id": person, "destination_id": place, "frequency": "weekly", "weekday": "4"}
        headers = {"Sec-Fetch-Site": "same-origin"}
        assert browser.post("/digests", data=order, headers=headers).status_code == 303
        assert browser.post("/digests", data=order, headers=headers).status_code == 409
        assert ">Tran Minh</a>" in browser.get("/digests").text


def test_a_viewer_reads_and_changes_nothing(site: Site) -> None:
    with client(site, Role.VIEWER) as browser:
        listed = browser.get("/digests")
        assert '<form method="post" action="/digests' not in listed.text
        path = re.findall(r'href="(/digests/[0-9a-f-]{36})"', listed.text)[0]
        headers = {"Sec-Fetch-Site": "same-origin"}
        assert browser.post(path, data={"frequency": "daily"}, headers=headers).status_code == 403


def test_a_preview_is_no_wider_than_a_telephone(browser: Browser, site: Site) -> None:
    with client(site) as reader:
        path = re.findall(r'href="(/digests/[0-9a-f-]{36})"', reader.get("/digests").text)[0]
    context = browser.new_context(viewport={"width": 360, "height": 900}, locale="en")
    window = Watched(context, context.new_page(), site)
    window.sign_in()
    page = window.open(path)
    assert page.locator("main caption").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()
    assert window.complaints == []
