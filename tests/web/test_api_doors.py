"""Signing in and out, cross-site requests, security headers, HEAD, OPTIONS and oversized bodies."""

import threading
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from served import Site

from warden.clock import utc_now
from warden.domain import Role
from warden.models import ApiToken
from warden.store import access
from warden.web.deps import SESSION_COOKIE


def sign_in(client: httpx.Client, token: str) -> httpx.Response:
    return client.post("/sign-in", data={"token": token}, headers={"Sec-Fetch-Site": "same-origin"})


def is_signed_in(client: httpx.Client) -> bool:
    return client.get("/api/v1/rules").status_code == 200


def test_a_link_signs_in_once(site: Site) -> None:
    token = site.link(site.user())
    with site.client() as browser, site.client() as other:
        answer = sign_in(browser, token)
        assert answer.status_code == 303
        assert is_signed_in(browser)
        assert sign_in(other, token).status_code == 401
        assert not is_signed_in(other)


def test_looking_at_a_link_does_not_use_it_up(site: Site) -> None:
    token = site.link(site.user())
    with site.client() as browser:
        assert browser.get("/sign-in", params={"token": token}).status_code == 200
        assert not is_signed_in(browser)
        assert sign_in(browser, token).status_code == 303


def test_an_expired_link_does_not_sign_in(site: Site) -> None:
    token = site.link(site.user(), now=utc_now() - access.LINK_LIFETIME - timedelta(seconds=1))
    with site.client() as browser:
        assert sign_in(browser, token).status_code == 401


def test_a_new_link_replaces_the_one_before(site: Site) -> None:
    email = site.user()
    first, second = site.link(email), site.link(email)
    with site.client() as browser:
        assert sign_in(browser, first).status_code == 401
        assert sign_in(browser, second).status_code == 303


def test_of_many_who_use_one_link_at_once_one_comes_in(site: Site) -> None:
    token = site.link(site.user())
    statuses: list[int] = []

    def go() -> None:
        with site.client() as browser:
            statuses.append(sign_in(browser, token).status_code)

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [303] + [401] * 7


def test_a_cookie_planted_before_signing_in_is_worthless_after(site: Site) -> None:
    with site.browser() as victim:
        planted = victim.cookies[SESSION_COOKIE]
        cookie = sign_in(victim, site.link("viewer@warden.example")).headers["set-cookie"]
    assert planted not in cookie
    with site.visitor(cookies={SESSION_COOKIE: planted}) as attacker:
        assert not is_signed_in(attacker)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(make_site: Callable[..., Site]) -> None:
    site = make_site(public_url="https://warden.example")
    with site.client() as browser:
        cookie = sign_in(browser, site.link(site.user())).headers["set-cookie"]
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))


def test_signing_out_ends_the_session_and_not_only_the_cookie(site: Site) -> None:
    with site.browser() as browser:
        cookie = browser.cookies[SESSION_COOKIE]
        assert browser.post("/sign-out").status_code == 303
    with site.visitor(cookies={SESSION_COOKIE: cookie}) as again:
        assert not is_signed_in(again)


def test_a_session_expires(site: Site) -> None:
    site.user()
    with site.services.db.write() as session:
        user = access.find_user(session, "viewer@warden.example")
        assert user is not None
        cookie = access.open_session(session, user, utc_now() - timedelta(days=15), 14)
    with site.visitor(cookies={SESSION_COOKIE: cookie}) as browser:
        assert not is_signed_in(browser)


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "manager"}])
def test_a_user_who_is_disabled_or_changes_role_is_signed_out(
    site: Site, admin: httpx.Client, change: dict[str, object]
) -> None:
    with site.browser() as browser:
        user = next(
            one for one in admin.get("/api/v1/users").json()["items"] if one["email"] == "viewer@warden.example"
        )
        assert admin.patch(f"/api/v1/users/{user['id']}", json=change).status_code == 200
        assert not is_signed_in(browser)


def test_a_disabled_user_gets_no_link(site: Site, admin: httpx.Client) -> None:
    user = admin.post("/api/v1/users", json={"email": "x@our.example", "name": "X"}).json()
    token = admin.post(f"/api/v1/users/{user['id']}/link").json()["url"].partition("token=")[2]
    admin.patch(f"/api/v1/users/{user['id']}", json={"disabled": True})
    assert admin.post(f"/api/v1/users/{user['id']}/link").status_code == 409
    with site.client() as browser:
        assert sign_in(browser, token).status_code == 401


def test_the_last_admin_stays(site: Site, admin: httpx.Client) -> None:
    first = admin.post("/api/v1/users", json={"email": "a@our.example", "name": "A", "role": "admin"}).json()
    for change in ({"role": "viewer"}, {"disabled": True}):
        assert admin.patch(f"/api/v1/users/{first['id']}", json=change).status_code == 409
    admin.post("/api/v1/users", json={"email": "b@our.example", "name": "B", "role": "admin"})
    assert admin.patch(f"/api/v1/users/{first['id']}", json={"disabled": True}).status_code == 200


def test_the_first_admin_is_made_once(site: Site) -> None:
    with site.services.db.write() as session:
        token = access.ensure_first_admin(session, utc_now())
        assert token is not None
        assert access.ensure_first_admin(session, utc_now()) is None
    with site.client() as browser:
        sign_in(browser, token)
        assert browser.get("/api/v1/users").json()["items"][0]["role"] == "admin"


def test_a_revoked_token_and_an_expired_one_are_refused(site: Site, admin: httpx.Client) -> None:
    made = admin.post("/api/v1/tokens", json={"name": "short", "role": "viewer"}).json()
    assert made["token"].startswith("wdn_")
    with site.visitor(headers={"Authorization": f"Bearer {made['token']}"}) as client:
        assert is_signed_in(client)
        assert admin.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
        assert not is_signed_in(client)
    with site.services.db.write() as session:
        past = utc_now() - timedelta(seconds=1)
        _, plain = access.create_token(
            session, name="old", role=Role.ADMIN, created_by="tests", now=past, expires_at=past
        )
    with site.visitor(headers={"Authorization": f"Bearer {plain}"}) as client:
        assert not is_signed_in(client)


def test_a_token_is_stored_as_a_hash_and_its_use_is_noted(site: Site, admin: httpx.Client) -> None:
    plain = admin.headers["authorization"].removeprefix("Bearer ")
    assert is_signed_in(admin)
    with site.services.db.read() as session:
        row = session.query(ApiToken).one()
        assert plain not in str(vars(row))
        assert row.last_used_at is not None


def test_a_narrowed_token_cannot_make_a_wider_one(site: Site) -> None:
    with site.client(Role.ADMIN, scopes=("tokens:write",)) as client:
        for scopes in ([], ["facts:write"]):
            answer = client.post("/api/v1/tokens", json={"name": "x", "role": "admin", "scopes": scopes})
            assert answer.status_code == 403


def test_a_narrowed_token_lets_nobody_in(site: Site, admin: httpx.Client) -> None:
    user = f"/api/v1/users/{admin.post('/api/v1/users', json={'email': 'x@our.example', 'name': 'X'}).json()['id']}"
    with site.client(Role.ADMIN, scopes=("users:write",)) as client:
        made = client.post("/api/v1/users", json={"email": "y@our.example", "name": "Y", "role": "admin"})
        raised, link = client.patch(user, json={"role": "admin"}), client.post(f"{user}/link")
        assert [answer.status_code for answer in (made, raised, link)] == [403] * 3
        assert client.patch(user, json={"name": "Z", "disabled": True}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 422),
        ({"Sec-Fetch-Site": "none"}, 422),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "{url}"}, 403),
        ({"Origin": "{url}"}, 422),
        ({"Origin": "https://warden.example"}, 422),
        ({"Origin": "http://warden.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_a_browser_changes_something_only_from_our_own_pages(
    make_site: Callable[..., Site], headers: dict[str, str], status: int
) -> None:
    site = make_site(public_url="https://warden.example")
    with site.browser(Role.MANAGER) as browser:
        del browser.headers["Sec-Fetch-Site"]
        sent = {name: value.format(url=site.url) for name, value in headers.items()}
        assert browser.post("/api/v1/partners", json={}, headers=sent).status_code == status


def test_a_token_is_exempt_from_the_cross_site_check_and_the_cookie_then_counts_for_nothing(site: Site) -> None:
    cross = {"Sec-Fetch-Site": "cross-site"}
    with site.client(Role.MANAGER) as client:
        assert client.post("/api/v1/partners", json={}, headers=cross).status_code == 422
    with site.browser(Role.ADMIN) as browser:
        wrong = cross | {"Authorization": "Bearer wdn_wrong"}
        assert browser.post("/api/v1/partners", json={}, headers=wrong).status_code == 401
        basic = cross | {"Authorization": "Basic eDp5"}
        assert browser.post("/api/v1/partners", json={}, headers=basic).status_code == 401


def test_sign_in_attempts_are_limited(site: Site) -> None:
    with site.client() as browser:
        statuses = [sign_in(browser, "wrong").status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/partners", "/api/v1/nothing", "/sign-in"])
def test_every_answer_carries_the_security_headers(portfolio: Site, path: str) -> None:
    with portfolio.client() as client:
        headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_https_is_insisted_on_where_it_is_used(make_site: Callable[..., Site]) -> None:
    site = make_site(public_url="https://warden.example")
    with site.client() as client:
        assert client.get("/healthz").headers["strict-transport-security"] == "max-age=31536000"


def test_links_are_built_on_the_configured_address_and_not_on_the_host_header(make_site: Callable[..., Site]) -> None:
    site = make_site(public_url="https://warden.example")
    with site.client(Role.ADMIN) as admin:
        user = admin.post("/api/v1/users", json={"email": "x@our.example", "name": "X"}).json()
        made = admin.post(f"/api/v1/users/{user['id']}/link", headers={"Host": "evil.example"})
    assert made.json()["url"].startswith("https://warden.example/sign-in?token=")


def test_head_is_get_without_the_body(portfolio: Site) -> None:
    with portfolio.client(Role.VIEWER) as client:
        got, head = client.get("/api/v1/rules"), client.head("/api/v1/rules")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "TRACE"])
def test_a_method_that_is_not_there_is_told_which_are(portfolio: Site, method: str) -> None:
    with portfolio.client(Role.VIEWER) as client:
        answer = client.request(method, f"/api/v1/partners/{portfolio.seeded['partner']}")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, PATCH"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("is_chunked", [False, True])
def test_an_oversized_body_is_refused(site: Site, is_chunked: bool) -> None:
    block = b" " * 1_000_000
    body = (block for _ in range(9)) if is_chunked else block * 9
    with site.client(Role.MANAGER) as client:
        answer = client.post("/api/v1/facts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
