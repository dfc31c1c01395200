"""Overrides over the API: a person's word beside what is computed, with an author, a reason and an end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from served import Site

from warden.clock import utc_now
from warden.domain import Role
from warden.pipeline import assess

Add = Callable[..., httpx.Response]


@pytest.fixture
def site(seeded_site: Site) -> Site:
    return seeded_site


@pytest.fixture
def path(site: Site) -> str:
    return f"/api/v1/partners/{site.seeded['partner']}"


@pytest.fixture
def add(admin: httpx.Client, path: str) -> Add:
    """Add an override of the likelihood for a month."""

    def post(**values: Any) -> httpx.Response:
        until = (utc_now() + timedelta(days=30)).isoformat()
        body = {"quantity": "likelihood", "value": 0.05, "reason": "They told us.", "expires_at": until}
        return admin.post(f"{path}/overrides", json={**body, **values})

    return post


def test_an_override_places_the_partner_and_the_computed_value_stays_beside_it(
    site: Site, admin: httpx.Client, path: str, add: Add
) -> None:
    before = admin.get(f"{path}/assessments/latest").json()
    made = add()
    assert (made.status_code, made.json()["holds"], made.json()["author"]) == (201, True, "token admin test")
    for _ in range(2):  # it does not vanish at the next run
        assess.run(site.services.db, site.services.settings, utc_now())
        after = admin.get(f"{path}/assessments/latest").json()
        assert (after["likelihood"], after["cell"]["likelihood"]) == (0.05, 1)
        assert after["computed_likelihood"] == pytest.approx(before["likelihood"], rel=1e-3)
        (held,) = after["overrides"]
        assert (held["id"], held["value"], held["reason"]) == (made.json()["id"], 0.05, "They told us.")
        assert held["computed"] == after["computed_likelihood"]
    assert sum(one["share"] for one in after["contributions"]) == pytest.approx(-after["log_survival"], abs=1e-9)


def test_a_withdrawn_override_ends_at_once_and_stays_in_the_list(
    site: Site, admin: httpx.Client, path: str, add: Add
) -> None:
    made = add(quantity="impact", value=1).json()
    done = admin.delete(f"{path}/overrides/{made['id']}").json()
    assert (done["holds"], done["withdrawn_by"]) == (False, "token admin test")
    assert admin.delete(f"{path}/overrides/{made['id']}").status_code == 409
    assert [one["id"] for one in admin.get(f"{path}/overrides").json()["items"]] == [made["id"]]
    assess.run(site.services.db, site.services.settings, utc_now())
    assert admin.get(f"{path}/assessments/latest").json()["overrides"] == []


def test_a_later_override_takes_the_place_of_the_former(admin: httpx.Client, path: str, add: Add) -> None:
    first, second = add().json(), add(value=0.5).json()
    listed = admin.get(f"{path}/overrides").json()["items"]
    assert [(one["id"], one["holds"]) for one in listed] == [(second["id"], True), (first["id"], False)]


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"value": 0}, "value"),
        ({"value": 1}, "value"),
        ({"value": True, "quantity": "impact"}, "value"),
        ({"value": "0.5"}, "value"),
        ({"quantity": "impact", "value": 5.5}, "value"),
        ({"quantity": "mood"}, "quantity"),
        ({"reason": " "}, "reason"),
        ({"reason": "\u200b\u2060"}, "reason"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2199-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": None}, "expires_at"),
    ],
)
def test_no_override_without_sense_reason_and_end(add: Add, values: dict[str, Any], where: str) -> None:
    answer = add(**values)
    assert (answer.status_code, [fault["where"] for fault in answer.json()["faults"]]) == (422, [where])


def test_all_that_is_wrong_with_an_override_is_told_at_once(add: Add) -> None:
    answer = add(quantity="impact", value=9, reason=" ", expires_at="2020-01-01T00:00:00Z")
    assert [fault["where"] for fault in answer.json()["faults"]] == ["value", "reason", "expires_at"]


def test_whom_nobody_watches_cannot_be_overridden(site: Site, admin: httpx.Client, path: str, add: Add) -> None:
    page, form = path.removeprefix("/api/v1"), f'action="{path.removeprefix("/api/v1")}/overrides"'
    with site.browser(Role.MANAGER) as browser:
        assert form in browser.get(page).text
    admin.patch(path, json={"stage": "ended"}).raise_for_status()
    answer = add()
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:warden:problem:conflict")
    assert "not watched in the stage ended" in answer.json()["detail"]
    assert admin.get(f"{path}/overrides").json()["items"] == []
    assert admin.get(f"{path}/outcomes").json()["items"] == [], "nothing is said of it now"
    with site.browser(Role.MANAGER) as browser:
        assert form not in browser.get(page).text


def test_an_override_is_withdrawn_at_its_own_partner_only(site: Site, admin: httpx.Client, add: Add) -> None:
    made = add().json()
    other = admin.post("/api/v1/partners", json={"name": "Other"}).json()["id"]
    assert admin.delete(f"/api/v1/partners/{other}/overrides/{made['id']}").status_code == 404
    with site.client(Role.VIEWER) as viewer:
        assert viewer.delete(f"/api/v1/partners/{other}/overrides/{made['id']}").status_code == 403
