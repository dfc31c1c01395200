"""The matrix, assessments, rules, alerts and meetings over the API."""

import math
from typing import Any

import httpx
import pytest
from served import Site

from warden.domain import Role
from warden.web.api.shapes import shown


@pytest.fixture
def site(seeded_site: Site) -> Site:
    return seeded_site


@pytest.fixture
def seeded(site: Site) -> dict[str, Any]:
    return site.seeded


def test_a_share_is_shown_without_the_rest_of_its_sum() -> None:
    assert 0.1 + 0.2 + 0.3 != 0.6
    assert (shown(0.1 + 0.2 + 0.3), shown(1 / 3)) == (0.6, 0.333333333)


def test_the_matrix_has_the_shape_it_promises(portfolio: Site) -> None:
    with portfolio.client(Role.VIEWER) as client:
        matrix = client.get("/api/v1/matrix").json()
    assert set(matrix) == {"levels", "cells", "not_rated"}
    assert [(cell["likelihood"], cell["impact"]) for cell in matrix["cells"]] == [
        (row, column) for row in range(1, 6) for column in range(1, 6)
    ]
    assert all(set(cell) == {"likelihood", "impact", "band", "partners"} for cell in matrix["cells"])
    placed = [partner for cell in matrix["cells"] for partner in cell["partners"]]
    assert [set(partner) for partner in placed] == [{"id", "name", "likelihood", "impact", "coverage"}]
    assert placed[0]["name"] == "Acme"
    assert [set(one) for one in matrix["not_rated"]] == [{"id", "name", "reason"}]
    assert matrix["not_rated"][0]["name"] == "Blank"
    assert matrix["levels"]["likelihood"][0] == {"level": 1, "from": 0.0, "name": "Rare"}


def test_the_matrix_speaks_the_readers_language(portfolio: Site) -> None:
    with portfolio.client(Role.VIEWER) as client:
        matrix = client.get("/api/v1/matrix", headers={"Accept-Language": "fr, zh-TW;q=0.8, en;q=0.5"}).json()
    assert matrix["levels"]["likelihood"][0]["name"] == "極低"


def test_contributions_sum_to_the_log_survival_and_link_to_facts(portfolio: Site) -> None:
    with portfolio.client(Role.VIEWER) as client:
        latest = client.get(f"/api/v1/partners/{portfolio.seeded['partner']}/assessments/latest").json()
        shares = [one["share"] for one in latest["contributions"]]
        assert math.isclose(sum(shares), -math.log1p(-latest["likelihood"]), abs_tol=1e-9)
        assert math.isclose(sum(shares), -latest["log_survival"], abs_tol=1e-9)
        assert latest["cell"] is not None
        assert 0 < latest["coverage"] <= 1
        lacking = {part["name"] for part in latest["impact_parts"] if part["score"] is None}
        known = sum(part["weight"] for part in latest["impact_parts"] if part["name"] not in lacking)
        assert math.isclose(latest["impact_coverage"], known / sum(part["weight"] for part in latest["impact_parts"]))
        assert lacking <= set(latest["reach"]["missing"] if latest["reach"] else ())
        speaking = [one for one in latest["contributions"] if one["likelihood"] is not None]
        assert speaking
        for one in speaking:
            assert one["evidence"][0]["text"]
            assert "%(" not in one["evidence"][0]["text"]
            assert client.get(one["facts"][0]).status_code == 200
        for one in latest["contributions"]:
            assert (one["likelihood"] is None) == (one["unknown"] is not None)


def test_what_was_said_at_a_moment_is_kept_apart_from_what_is_known_today(portfolio: Site) -> None:
    path = f"/api/v1/partners/{portfolio.seeded['partner']}/assessments"
    with portfolio.client(Role.VIEWER) as client:
        listed = client.get(path).json()["items"]
        assert client.get(f"{path}/latest", params={"as_of": listed[0]["at"]}).json() == listed[0]
        assert client.get(f"{path}/latest", params={"as_of": "2020-01-01T00:00:00Z"}).status_code == 404
        now = client.get(f"{path}/compute").json()
        assert now["id"] is None
        assert math.isclose(now["likelihood"], listed[0]["likelihood"], rel_tol=0.05)
        unknown = client.get(f"{path}/compute", params={"known_at": "2020-01-01T00:00:00Z"})
        assert (unknown.status_code, "was not watched then" in unknown.json()["detail"]) == (404, True)


def test_rules_are_changed_only_to_something_that_makes_sense(site: Site, admin: httpx.Client) -> None:
    rule = next(one for one in admin.get("/api/v1/rules").json()["items"] if one["key"] == "late_rate")
    path = f"/api/v1/rules/{rule['id']}"
    changed = admin.patch(path, json={"condition": "late_rate > 0.5"}, headers={"If-Match": '"1"'})
    assert (changed.json()["condition"], changed.headers["etag"]) == ("late_rate > 0.5", '"2"')
    assert admin.patch(path, json={"enabled": False}, headers={"If-Match": '"1"'}).status_code == 412
    for condition in ("late_rat > 0.5", "late_rate >", "late_rate", ""):
        answer = admin.patch(path, json={"condition": condition})
        assert answer.status_code == 422
        assert answer.json()["faults"][0]["where"].startswith("condition")
    assert admin.get(path).json()["condition"] == "late_rate > 0.5"


def test_the_context_names_what_conditions_may_use(admin: httpx.Client) -> None:
    names = {one["name"] for one in admin.get("/api/v1/rules/context").json()["variables"]}
    assert {"likelihood", "band_rank", "days_silent", "late_rate"} <= names


def test_an_alert_is_acknowledged_once_and_with_a_reason(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    path = f"/api/v1/alerts/{seeded['alert']}"
    assert admin.post(f"{path}/ack", json={"reason": " "}).status_code == 422
    done = admin.post(f"{path}/ack", json={"reason": "Holiday week."}, headers={"If-Match": '"1"'}).json()
    assert done["acknowledged"]["reason"] == "Holiday week."
    assert done["acknowledged"]["by"] == "token admin test"
    assert done["state"] == "firing"
    assert admin.post(f"{path}/ack", json={"reason": "Again."}).status_code == 409
    assert admin.get("/api/v1/alerts", params={"acknowledged": False}).json()["items"] == []
    found = admin.get("/api/v1/alerts", params={"acknowledged": True}, headers={"Accept-Language": "vi"}).json()[
        "items"
    ]
    assert found[0]["evidence"][0]["params"] == {"late_rate": 0.4}


def test_a_meeting_is_scheduled_moved_and_held(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    path = f"/api/v1/meetings/{seeded['meeting']}"
    assert admin.get(path).json()["status"] == "proposed"
    for place in ("Room 1", "Room 2"):
        moved = admin.post(f"{path}/schedule", json={"starts_at": "2190-01-01T09:00:00+08:00", "place": place})
        assert (moved.json()["status"], moved.json()["place"]) == ("scheduled", place)
    assert admin.post(f"{path}/schedule", json={"starts_at": "2001-01-01T09:00:00Z"}).status_code == 422
    assert admin.post(f"{path}/held", json={"outcome": ""}).status_code == 422
    held = admin.post(f"{path}/held", json={"outcome": "A weekly call."}).json()
    assert (held["status"], held["outcome"], held["closed_by"]) == ("held", "A weekly call.", "token admin test")
    assert admin.post(f"{path}/waive", json={"reason": "x"}).status_code == 409
    assert admin.get("/api/v1/meetings", params={"only_open": True}).json()["items"] == []


def test_a_meeting_is_waived_with_a_reason(admin: httpx.Client, seeded: dict[str, Any]) -> None:
    waived = admin.post(f"/api/v1/meetings/{seeded['meeting']}/waive", json={"reason": "Contract ends."}).json()
    assert (waived["status"], waived["waived_why"]) == ("waived", "Contract ends.")
