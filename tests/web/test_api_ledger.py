"""The change ledger, the outcomes' states and the track record over the API."""

import math
from datetime import timedelta
from typing import Any

import httpx
import pytest
from served import Site, seed_risk

from warden.clock import utc_now
from warden.domain import Role
from warden.pipeline import assess, backtest

SHARED = ("likelihood", "sample", "state", "version")
"""What an outcome's state and its contribution to the last assessment both tell."""


@pytest.fixture
def site(seeded_site: Site) -> Site:
    return seeded_site


@pytest.fixture
def path(site: Site) -> str:
    seed_risk(site.services, site.seeded["partner"])
    assess.run(site.services.db, site.services.settings, utc_now())
    return f"/api/v1/partners/{site.seeded['partner']}"


def test_the_steps_sum_to_the_difference(admin: httpx.Client, path: str) -> None:
    found = admin.get(f"{path}/ledger").json()
    steps = {step["cause"]: step for step in found["steps"]}
    assert list(steps) == ["version", "late_facts", "time", "new_facts", "configuration", "overrides"]
    start, end = found["start"], found["end"]
    assert (end["likelihood"], steps["overrides"]["likelihood"]) == (0.6, 0.6)
    assert start["said_at"] is not None
    for name in ("likelihood", "impact"):
        moved = sum(step[f"{name}_difference"] for step in found["steps"])
        assert math.isclose(moved, end[name] - start[name], abs_tol=1e-9)
    for step in found["steps"]:
        if step["cause"] != "overrides":
            parts = sum(one["likelihood"] for one in step["outcomes"])
            assert math.isclose(parts, step["likelihood_difference"], abs_tol=1e-9)
    (said,) = steps["overrides"]["lines"]
    assert (said["about"], said["what"]["text"]) == ("likelihood", "60% set by tests: They told us.")


def test_what_was_learned_late_is_told_by_two_clocks(site: Site, admin: httpx.Client, path: str) -> None:
    said = admin.get(f"{path}/assessments").json()["items"][-1]["at"]
    made_at, due_at = (utc_now() - timedelta(days=days) for days in (30, 40))
    late = {"kind": "delivery", "identity": "late-1", "at": made_at.isoformat()}
    late |= {"due_on": due_at.date().isoformat(), "made_on": made_at.date().isoformat()}
    fact = {**late, "key": {"scheme": "email", "value": "kim@acme.example"}}
    assert admin.post("/api/v1/facts", json={"source": "erp", "facts": [fact]}).status_code == 201
    found = admin.get(f"{path}/ledger", params={"from": said, "to": said, "to_known_at": utc_now().isoformat()}).json()
    step = next(one for one in found["steps"] if one["cause"] == "late_facts")
    assert [line["what"]["params"] for line in step["lines"]] == [{"count": 1}]
    assert found["end"]["said_at"] is None
    for link in step["lines"][0]["facts"]:
        assert admin.get(link).json()["kind"] == "delivery"


def test_time_runs_forward(admin: httpx.Client, path: str) -> None:
    now = utc_now()
    params = {"from": now.isoformat(), "to": (now - timedelta(hours=1)).isoformat()}
    answer = admin.get(f"{path}/ledger", params=params)
    assert answer.status_code == 422
    assert {fault["where"] for fault in answer.json()["faults"]} == {"end.as_of", "end.known_at"}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("/assessments/compute", "as_of"),
        ("/assessments/compute", "known_at"),
        ("/assessments/latest", "as_of"),
        ("/ledger", "to"),
        ("/ledger", "from"),
    ],
)
def test_nothing_is_said_of_the_future(admin: httpx.Client, path: str, query: str, name: str) -> None:
    answer = admin.get(f"{path}{query}", params={name: "2190-01-01T00:00:00Z"})
    assert (answer.status_code, [fault["where"] for fault in answer.json()["faults"]]) == (422, [name])
    assert admin.get("/api/v1/matrix", params={"as_of": "2190-01-01T00:00:00Z"}).status_code == 422


def test_left_to_itself_the_ledger_begins_where_the_band_last_changed(
    site: Site, admin: httpx.Client, path: str
) -> None:
    until = (utc_now() + timedelta(days=9)).isoformat()
    calm = {"quantity": "likelihood", "value": 0.05, "reason": "Settled.", "expires_at": until}
    assert admin.post(f"{path}/overrides", json=calm).status_code == 201
    assess.run(site.services.db, site.services.settings, utc_now())
    said = admin.get(f"{path}/assessments").json()["items"]
    assert [one["band"] for one in said] == ["moderate", "extreme", "extreme"]
    assert admin.get(f"{path}/ledger").json()["start"]["as_of"] == said[1]["at"]


def test_where_the_band_never_changed_the_ledger_begins_with_the_first_assessment(
    site: Site, admin: httpx.Client
) -> None:
    path = f"/api/v1/partners/{site.seeded['partner']}"
    (said,) = admin.get(f"{path}/assessments").json()["items"]
    assert admin.get(f"{path}/ledger").json()["start"]["as_of"] == said["at"]


def test_who_was_never_assessed_has_no_ledger(admin: httpx.Client) -> None:
    new = admin.post("/api/v1/partners", json={"name": "New"}).json()["id"]
    assert admin.get(f"/api/v1/partners/{new}/ledger").status_code == 404
    assert admin.get(f"/api/v1/partners/{new}/outcomes").json() == {"items": [], "next": None}


def test_every_outcome_has_a_state_with_its_sample_size(portfolio: Site) -> None:
    with portfolio.client(Role.VIEWER) as client:
        path = f"/api/v1/partners/{portfolio.seeded['partner']}"
        found = {one["outcome"]: one for one in client.get(f"{path}/outcomes").json()["items"]}
        latest = client.get(f"{path}/assessments/latest").json()
    assert found.keys() == {one["signal"] for one in latest["contributions"]}
    for one in latest["contributions"]:
        state = found[one["signal"]]
        assert {name: state[name] for name in SHARED} == {name: one[name] for name in SHARED}
        assert one["outcome"]["params"]["horizon_days"] == state["horizon_days"]
        if one["likelihood"] is not None:
            logit = math.log(one["likelihood"] / (1 - one["likelihood"]))
            assert math.isclose(sum(one["parts"].values()), logit, abs_tol=1e-9)


def test_a_backtest_is_asked_for_once_done_by_the_clock_and_read(site: Site, admin: httpx.Client) -> None:
    assert admin.get("/api/v1/backtests/latest").status_code == 404
    first, again = (admin.post("/api/v1/backtests") for _ in range(2))
    assert (first.status_code, first.json()) == (202, again.json())
    refused = admin.post("/api/v1/backtests", json={"weeks": 1})
    assert (refused.status_code, [fault["where"] for fault in refused.json()["faults"]]) == (422, ["weeks"])
    assert admin.get("/api/v1/backtests/pending").json()["started_at"] is None
    assert backtest.run_requested(site.services.db, site.services.settings, utc_now()) == 1
    assert admin.get("/api/v1/backtests/pending").status_code == 404
    latest: dict[str, Any] = admin.get("/api/v1/backtests/latest", headers={"Accept-Language": "vi"}).json()
    assert latest["author"] == "token admin test"
    assert [one["id"] for one in admin.get("/api/v1/backtests").json()["items"]] == [latest["id"]]
    assert admin.get(f"/api/v1/backtests/{latest['id']}").json()["partners"] == latest["partners"]
    assert latest["summary"]
    assert latest["outcomes"]


def test_who_speaks_for_each_outcome_is_told_with_the_reason(portfolio: Site) -> None:
    with portfolio.client(Role.VIEWER) as client:
        found = client.get("/api/v1/learned", headers={"Accept-Language": "zh-TW"}).json()["items"]
    assert {one["form"] for one in found} == {"default"}
    assert found[0]["why"]["text"] == "採用預設公式：尚未學得任何東西"
