"""What callers are told when something is wrong, and what the log is told."""

import io
import json
import logging
import uuid
from typing import cast

import httpx
import pytest
from served import Site

from warden import log
from warden.domain import Role
from warden.models import Partner
from warden.store import partners


def test_a_problem_says_where_and_what(site: Site, admin: httpx.Client) -> None:
    answer = admin.post("/api/v1/partners", json={"name": "", "share": 2, "tags": ["ok", 3], "typo": 1})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:warden:problem:invalid-input"
    assert {fault["where"] for fault in problem["faults"]} == {"name", "share", "tags[1]", "typo"}


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"name": "\\ud800"}', b"[" * 100_000, b'{"name": "a\\u0000"}', b""])
def test_a_body_that_cannot_be_read_is_the_callers_fault(admin: httpx.Client, body: bytes) -> None:
    answer = admin.post("/api/v1/partners", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/v1/partners", "/api/v1/criteria"])
def test_a_field_that_no_text_can_name_is_told_all_the_same(admin: httpx.Client, path: str) -> None:
    body = b'{"name": "silence", "scope": "portfolio", "data": {"\\ud800": 3}, "\\udfff": 1}'
    send = admin.put if path.endswith("criteria") else admin.post
    for content in (body, body.replace(b', "\\udfff": 1', b"")):
        answer = send(path, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert answer.json()["faults"]


@pytest.mark.parametrize(
    "path",
    [
        "matrices/1/activate",
        "sources/{nobody}/pause",
        "sources/{nobody}/resume",
        "sources/{nobody}/test",
        "sources/{nobody}/run",
        "notifications/{nobody}/retry",
        "users/{nobody}/link",
    ],
)
def test_what_takes_no_body_refuses_fields_instead_of_ignoring_them(admin: httpx.Client, path: str) -> None:
    address = f"/api/v1/{path.format(nobody=uuid.UUID(int=0))}"
    refused = admin.post(address, json={"force": True})
    assert (refused.status_code, [fault["where"] for fault in refused.json()["faults"]]) == (422, ["force"])
    assert admin.post(address).status_code == admin.post(address, json={}).status_code != 422


@pytest.mark.parametrize("value", [1, "true", "yes", 0, None])
def test_a_flag_is_true_or_false_and_nothing_else(admin: httpx.Client, value: object) -> None:
    answer = admin.post("/api/v1/people", json={"name": "X", "email": "x@our.example", "ours": value})
    assert [fault["where"] for fault in answer.json()["faults"]] == ["ours"]


def test_an_unknown_path_is_a_problem_too(admin: httpx.Client) -> None:
    answer = admin.get("/api/v1/nothing")
    assert (answer.status_code, answer.json()["status"]) == (404, 404)


def test_an_error_nobody_foresaw_is_named_in_answer_and_log(
    site: Site, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: object, **_values: object) -> Partner:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(partners, "get", broken)
    with caplog.at_level(logging.ERROR):
        answer = admin.get("/api/v1/partners/00000000-0000-0000-0000-000000000000")
    problem = answer.json()
    assert (answer.status_code, problem["title"]) == (500, "Internal error")
    assert "hunter2" not in answer.text
    assert problem["id"] in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_secrets_are_blanked_in_the_log() -> None:
    root, written = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    try:
        log.configure("INFO")
        cast(logging.StreamHandler[io.StringIO], root.handlers[0]).setStream(written)
        log.get_logger("x").warning("source_failed", webhook_url="https://hooks.example/T0", token="wdn_x", who="Acme")
    finally:
        root.handlers, root.level = before, level
    line = json.loads(written.getvalue())
    assert line["who"] == "Acme"
    assert {line["webhook_url"], line["token"]} == {"[redacted]"}


def test_no_sign_in_or_token_is_ever_logged(site: Site, admin: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        made = admin.post("/api/v1/tokens", json={"name": "x", "role": "viewer"}).json()["token"]
        token = site.link(site.user())
        with site.client() as browser:
            browser.post("/sign-in", data={"token": token}, headers={"Sec-Fetch-Site": "same-origin"})
            browser.post("/sign-in", data={"token": token}, headers={"Sec-Fetch-Site": "same-origin"})
            cookies = dict(browser.cookies)
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith(("warden", "uvicorn")))
    for secret in (made, token, admin.headers["authorization"].removeprefix("Bearer "), *cookies.values()):
        assert secret not in ours


SECRET = "swordfish-4711"


def test_a_secret_goes_in_and_never_comes_out(site: Site, admin: httpx.Client) -> None:
    options = {"url": f"https://receiver.example/{SECRET}", "secret": "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="}
    made = admin.post("/api/v1/destinations", json={"name": "hook", "channel": "webhook", "options": options})
    assert made.status_code == 201, made.text
    path = f"/api/v1/destinations/{made.json()['id']}"
    answers = [
        made,
        admin.get(path),
        admin.get("/api/v1/destinations"),
        admin.patch(path, json={"name": "other"}),
        admin.patch(path, json={"options": {"url": 7, "secret": SECRET}}),
        admin.post(f"{path}/test", json={}),
        admin.get("/api/v1/notifications"),
        admin.delete(path),
    ]
    assert made.json()["has_secrets"] is True
    for answer in answers:
        assert SECRET not in answer.text
        assert options["secret"] not in answer.text
    with site.services.db.read() as session:
        raw = session.connection().exec_driver_sql("SELECT options, secrets FROM destination").all()
    assert SECRET not in str(raw)


def test_roles_are_told_apart_in_the_refusal(site: Site) -> None:
    with site.client(Role.VIEWER) as viewer:
        assert viewer.get("/api/v1/users").json()["detail"] == "This needs the role admin; yours is viewer."
