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


def test_two_who_change_a_digest_at_once_do_not_overwrite_each_other(site: Site) -> None:
    with client(site) as browser:
        path = re.findall(r'href="(/digests/[0-9a-f-]{36})"', browser.get("/digests").text)[0]
        version = re.findall(r'name="version" value="(\d+)"', browser.get(path).text)[0]
        headers = {"Sec-Fetch-Site": "same-origin", "accept": "text/html"}
        order = {"frequency": "daily", "hour": "6", "enabled": "true", "version": version}
        assert browser.post(path, data=order, headers=headers).status_code == 303
        late = browser.post(path, data={**order, "hour": "9"}, headers=headers)
        assert (late.status_code, "Something changed meanwhile" in late.text) == (412, True)
        assert 'name="hour" min="0" max="23" required value="6"' in browser.get(path).text


def test_what_a_digest_would_say_leads_to_what_it_is_about(site: Site) -> None:
    with client(site) as browser:
        path = re.findall(r'href="(/digests/[0-9a-f-]{36})"', browser.get("/digests").text)[0]
        preview = browser.get(path).text.partition("What it would say now")[2].partition("</article>")[0]
    listed = re.findall(r"<li>(.*?)(?:<br>|</li>)", preview)
    assert [item for item in listed if not re.fullmatch(r'<a href="https?://[^"]+">[^<]+</a>', item)] == []
    assert f"/partners/{site.seeded['Bridgewater Freight']}" in preview


def test_digests_are_found_from_the_notifications(site: Site) -> None:
    with client(site) as browser:
        assert '<a href="/digests">Digests</a>' in browser.get("/notifications").text


def test_somebody_else_gets_one_and_only_one(site: Site) -> None:
    with client(site) as browser:
        page = browser.get("/digests").text
        assert '<option value="tran@warden.example">Tran Minh</option>' in page
        place = re.findall(r'<option value="([0-9a-f-]{36})">Mail', page)[0]
        order = {"person": "tran@warden.example", "destination_id": place, "frequency": "weekly", "weekday": "4"}
        headers = {"Sec-Fetch-Site": "same-origin", "accept-language": "en"}
        assert browser.post("/digests", data=order, headers=headers).status_code == 303
        again = browser.post("/digests", data=order, headers=headers)
        assert (again.status_code, "This person has a digest already" in again.text) == (422, True)
        nobody = browser.post("/digests", data={**order, "person": "Nobody"}, headers=headers)
        assert (nobody.status_code, "Nobody of ours has this name" in nobody.text) == (422, True)
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
