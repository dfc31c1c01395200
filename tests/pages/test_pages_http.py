"""What the pages answer over HTTP: links in mails, static files, who may post, and errors in the reader's language."""

import html
import re

import httpx
import pytest
from served import Site

from warden.clock import utc_now
from warden.domain import Role
from warden.models import Digest
from warden.store import digests, notifications, partners
from warden.web.deps import SESSION_COOKIE

HTML = {"accept": "text/html"}


@pytest.fixture
def stranger(site: Site) -> httpx.Client:
    with site.visitor(headers=HTML) as client:
        yield client


@pytest.fixture
def viewer(site: Site) -> httpx.Client:
    cookies = {SESSION_COOKIE: site.session(Role.VIEWER)}
    with site.visitor(headers={**HTML, "origin": site.url}, cookies=cookies) as client:
        yield client


@pytest.fixture
def unsubscribe_path(site: Site) -> str:
    with site.services.db.write() as session:
        digest = session.scalars(digests.listing()).one()
        digest.enabled = True
    signature = site.services.vault.sign(digests.unsubscribe_text(digest.id))
    return f"/digests/{digest.id}/unsubscribe?signature={signature}"


def _digest(site: Site) -> Digest:
    with site.services.db.read() as session:
        return session.scalars(digests.listing()).one()


def test_opening_the_unsubscribe_link_changes_nothing(
    site: Site, stranger: httpx.Client, unsubscribe_path: str
) -> None:
    answer = stranger.get(unsubscribe_path)
    assert "lin@warden.example" in answer.text
    assert _digest(site).enabled


def test_one_click_unsubscribes_without_signing_in(site: Site, stranger: httpx.Client, unsubscribe_path: str) -> None:
    for _ in range(2):  # a mail program may send it twice
        answer = stranger.post(unsubscribe_path, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert not _digest(site).enabled


def test_a_forged_signature_is_told_nothing(site: Site, stranger: httpx.Client, unsubscribe_path: str) -> None:
    forged = unsubscribe_path.partition("=")[0] + "=" + "0" * 32
    assert stranger.post(forged).status_code == 404
    assert "lin@warden.example" not in stranger.get(forged).text
    assert _digest(site).enabled


def test_a_link_is_mailed_once_and_the_answer_tells_nobody_who_has_an_account(
    site: Site, stranger: httpx.Client
) -> None:
    answers = [
        stranger.post("/sign-in/link", data={"email": email}).text.replace(email, "…")
        for email in ("viewer@warden.example", "nobody@warden.example")
    ]
    assert answers[0] == answers[1]
    with site.services.db.read() as session:
        sent = list(session.scalars(notifications.listing()))
    recipients = [one.recipient for one in sent if one.reason == "sign_in"]
    assert recipients == ["viewer@warden.example"]


def test_an_address_that_is_none_is_refused_beside_the_field(stranger: httpx.Client) -> None:
    answer = stranger.post("/sign-in/link", data={"email": "nobody"}, headers={"accept-language": "vi"})
    assert answer.status_code == 422
    assert 'aria-describedby="fault-email"' in answer.text
    assert "Địa chỉ e-mail có dạng name@example.com." in answer.text


def test_a_sign_in_page_never_leads_to_another_site(stranger: httpx.Client) -> None:
    for elsewhere in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert 'name="next" value="/"' in stranger.get("/sign-in", params={"next": elsewhere}).text


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/alerts/{id}/acknowledge", {"reason": "seen"}),
        ("/meetings/{id}/waive", {"reason": "no need"}),
        ("/unattributed", {"scheme": "email", "value": "a@b.example", "partner": "Hanoi Precision"}),
    ],
)
def test_a_viewer_may_not_post(viewer: httpx.Client, path: str, form: dict[str, str]) -> None:
    answer = viewer.post(path.format(id="00000000-0000-0000-0000-000000000000"), data=form)
    assert answer.status_code == 403
    assert "You may not do this" in answer.text


def test_a_form_on_another_site_is_refused(site: Site, viewer: httpx.Client) -> None:
    answer = viewer.post("/sign-out", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert viewer.get("/").status_code == 200


def test_a_token_opens_no_pages(site: Site, stranger: httpx.Client) -> None:
    answer = stranger.get("/", headers={"authorization": "Bearer wdn_whatever"})
    assert answer.headers["location"] == "/sign-in?next=%2F"


def test_who_asks_for_a_language_is_asked_to_sign_in_in_it(stranger: httpx.Client) -> None:
    address = stranger.get("/alerts?lang=vi").headers["location"]
    assert address == "/sign-in?next=%2Falerts%3Flang%3Dvi&lang=vi"
    assert '<html lang="vi"' in stranger.get(address).text


def test_errors_are_told_in_the_readers_language(stranger: httpx.Client) -> None:
    titles = {
        "zh-TW": "找不到此頁面",
        "zh-CN": "找不到该页面",
        "vi": "Không có trang này",
        "en": "There is no such page",
    }
    for language, title in titles.items():
        answer = stranger.get("/nowhere", headers={"accept-language": language})
        assert (answer.status_code, title in answer.text) == (404, True)


def test_an_address_with_a_mistake_is_no_page_rather_than_a_wrong_form(viewer: httpx.Client) -> None:
    answer = viewer.get("/partners/not-an-id")
    assert (answer.status_code, "There is no such page" in answer.text) == (404, True)


def test_static_files_are_kept_for_good_under_their_hash_only(stranger: httpx.Client) -> None:
    page = stranger.get("/sign-in").text
    address = page.partition('href="/static/warden.css')[2].partition('"')[0]
    current = stranger.get("/static/warden.css" + address)
    assert "immutable" in current.headers["cache-control"]
    older = stranger.get("/static/warden.css?v=0")
    assert "must-revalidate" in older.headers["cache-control"]
    again = stranger.get("/static/warden.css", headers={"if-none-match": older.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert stranger.get("/static/../app.py").status_code == 404


def test_the_page_holds_no_inline_code(viewer: httpx.Client, site: Site) -> None:
    for path in ("/", "/partners", "/alerts", "/sources", f"/partners/{site.seeded['Aurora Diagnostics']}"):
        answer = viewer.get(path)
        assert " style=" not in answer.text
        assert "<style" not in answer.text
        assert " onclick=" not in answer.text
        assert "<script>" not in answer.text
        assert "'unsafe" not in answer.headers["content-security-policy"]


def test_what_leaves_the_page_is_not_kept_by_caches(viewer: httpx.Client) -> None:
    assert viewer.get("/").headers["cache-control"] == "no-store"


def test_the_trend_is_numbers_in_the_readers_words(viewer: httpx.Client, site: Site) -> None:
    path = f"/partners/{site.seeded['Aurora Diagnostics']}/trend.json"
    data = viewer.get(path, headers={"accept-language": "zh-TW"}).json()
    assert [chart["title"] for chart in data["charts"][1:]] == ["每週訊息數", "每週交付數"]
    page = viewer.get(path.removesuffix("/trend.json"), params={"lang": "vi"}).text
    assert f'data-address="{path}?lang=vi"' in page
    for chart in data["charts"]:
        assert chart["moments"] == sorted(chart["moments"])
        assert {len(series["values"]) for series in chart["series"]} == {len(chart["moments"])}


def test_the_first_page_names_ten_of_those_not_rated_and_links_to_them_all(viewer: httpx.Client, site: Site) -> None:
    with site.services.db.write() as session:
        added = [{"name": f"Unknown {number:03}", "tier": "strategic"} for number in range(300)]
        partners.create_many(session, added, utc_now())
    page = viewer.get("/", params={"tier": "strategic"}).text
    assert page.count('href="/partners/') < 30
    rated = page.count('<a href="/partners/') - page.count(">Unknown ")
    address = html.unescape(re.findall(r'href="(/partners\?band=[^"]+)">290 more<', page)[0])
    names: list[str] = []
    while address:
        listed = viewer.get(address).text
        names += re.findall(r'<th scope="row"><a href="/partners/[0-9a-f-]+">([^<]+)</a>', listed)
        address = html.unescape((re.findall(r'href="(/partners\?[^"]*after=[^"]+)"', listed) or [""])[0])
    assert names == [one["name"] for one in added]
    assert rated > 0
    assert "Unknown" not in viewer.get("/partners", params={"band": "-", "tier": "key"}).text
