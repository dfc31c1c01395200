"""Versions of the matrix over the API: drafting, faults by path, who would move, activating, and what is kept."""

from copy import deepcopy
from typing import Any

import httpx
import pytest
from served import Site

from warden.clock import utc_now
from warden.pipeline import assess


@pytest.fixture
def site(seeded_site: Site) -> Site:
    return seeded_site


@pytest.fixture
def shipped(admin: httpx.Client) -> dict[str, Any]:
    data: dict[str, Any] = admin.get("/api/v1/matrices/1").json()["data"]
    return data


def test_a_draft_is_changed_until_it_is_activated_and_then_stays(admin: httpx.Client, shipped: dict[str, Any]) -> None:
    made = admin.post("/api/v1/matrices", json=shipped)
    assert (made.status_code, made.json()["version"], made.json()["state"]) == (201, 2, "draft")
    assert made.json()["author"] == "token admin test"
    changed = deepcopy(shipped)
    changed["grid"][0][0] = "moderate"
    put = admin.put("/api/v1/matrices/2", json=changed, headers={"If-Match": made.headers["etag"]})
    assert (put.status_code, put.json()["data"]["grid"][0][0]) == (200, "moderate")
    assert put.headers["etag"] != made.headers["etag"]
    done = admin.post("/api/v1/matrices/2/activate", headers={"If-Match": put.headers["etag"]}).json()
    assert done["state"] == "active"
    states = {one["version"]: one["state"] for one in admin.get("/api/v1/matrices").json()["items"]}
    assert states == {2: "active", 1: "past"}
    assert admin.get("/api/v1/matrices/1").json()["retired_at"] == done["activated_at"]
    assert admin.put("/api/v1/matrices/2", json=shipped).status_code == 409
    assert admin.delete("/api/v1/matrices/2").status_code == 409
    assert admin.post("/api/v1/matrices/1/activate").status_code == 409


def test_what_was_changed_since_it_was_read_is_not_overwritten_nor_activated(
    admin: httpx.Client, shipped: dict[str, Any]
) -> None:
    etag = {"If-Match": admin.post("/api/v1/matrices", json=shipped).headers["etag"]}
    changed = deepcopy(shipped)
    changed["grid"][4][4] = "high"
    assert admin.put("/api/v1/matrices/2", json=changed).status_code == 200
    assert admin.put("/api/v1/matrices/2", json=shipped, headers=etag).status_code == 412
    assert admin.post("/api/v1/matrices/2/activate", headers=etag).status_code == 412
    assert admin.delete("/api/v1/matrices/2", headers=etag).status_code == 412
    assert admin.delete("/api/v1/matrices/2").status_code == 204
    assert admin.get("/api/v1/matrices/2").status_code == 404


def test_every_fault_is_told_by_its_path(admin: httpx.Client, shipped: dict[str, Any]) -> None:
    wrong = deepcopy(shipped)
    wrong["grid"][2][4] = "severe"
    wrong["grid"][3] = ["low"]
    del wrong["levels"]["impact"][1]["names"]["vi"]
    wrong["levels"]["likelihood"][2]["from"] = 0.1
    answer = admin.post("/api/v1/matrices", json=wrong)
    assert answer.status_code == 422
    faults = {fault["where"]: fault["what"] for fault in answer.json()["faults"]}
    assert faults["grid[2][4]"] == "no band has the key 'severe'"
    assert faults.keys() == {"grid[2][4]", "grid[3]", "levels.impact[1].names.vi", "levels.likelihood[2].from"}
    assert len(admin.get("/api/v1/matrices").json()["items"]) == 1
    assert [fault["where"] for fault in admin.post("/api/v1/matrices", json={}).json()["faults"]] == [
        "levels", "bands", "grid",
    ]  # fmt: skip
    assert admin.post("/api/v1/matrices", json=[shipped]).status_code == 422


def test_who_would_move_is_told_first_and_then_they_do(site: Site, admin: httpx.Client) -> None:
    partner_id = str(site.seeded["partner"])
    latest = f"/api/v1/partners/{partner_id}/assessments/latest"
    before = admin.get(latest).json()
    row, column = before["cell"]["likelihood"] - 1, before["cell"]["impact"] - 1
    data = admin.get("/api/v1/matrices/1").json()["data"]
    assert before["band"] == "extreme"
    data["grid"][row][column] = "low"
    admin.post("/api/v1/matrices", json=data)
    found = admin.get("/api/v1/matrices/2/preview").json()
    assert (found["stay"], found["not_rated"], sum(found["counts"].values())) == (0, 1, 1)
    (move,) = found["moves"]
    assert (move["id"], move["name"], move["direction"]) == (partner_id, "Acme", "milder")
    assert [one["text"] for one in move["why"]] == ["its cell has another band"]
    assert move["before"] == {**before["cell"], "band": "extreme"}
    assert move["after"] == {**before["cell"], "band": "low"}
    assert [one["text"] for one in found["warnings"]] == [
        "Likelihood 5 with impact 5 is in a milder band than the next lower likelihood. Is that meant?",
        "Impact 5 with likelihood 5 is in a milder band than the next lower impact. Is that meant?",
    ]
    assert admin.get(latest).json() == before
    admin.post("/api/v1/matrices/2/activate")
    unplaced = {one["name"]: one["reason"] for one in admin.get("/api/v1/matrix").json()["not_rated"]}
    assert unplaced["Acme"] == "Not placed on the new matrix yet."
    assess.run(site.services.db, site.services.settings, utc_now())
    after = admin.get(latest).json()
    assert (after["matrix_version"], after["band"], after["cell"]) == (2, "low", before["cell"])
    assert [cell["band"] for cell in admin.get("/api/v1/matrix").json()["cells"] if cell["partners"]] == ["low"]
    then = admin.get("/api/v1/matrix", params={"as_of": before["at"]}).json()["cells"]
    assert [cell["band"] for cell in then if cell["partners"]] == ["extreme"]


def test_who_looks_at_a_draft_is_warned_of_alerts_for_those_it_makes_worse(site: Site, admin: httpx.Client) -> None:
    data = admin.get("/api/v1/matrices/1").json()["data"]
    calm = deepcopy(data)
    calm["grid"] = [["low"] * len(row) for row in data["grid"]]
    for version, matrix in ((2, calm), (3, data)):
        admin.post("/api/v1/matrices", json=matrix)
        found = admin.get(f"/api/v1/matrices/{version}/preview").json()
        admin.post(f"/api/v1/matrices/{version}/activate")
        assess.run(site.services.db, site.services.settings, utc_now())
    assert [(move["before"]["band"], move["direction"]) for move in found["moves"]] == [("low", "worse")]
    assert found["warnings"][-1]["text"].startswith("Partners move to a worse band: within minutes of activation")


def test_on_the_active_version_nobody_would_move(portfolio: Site) -> None:
    with portfolio.client() as stranger:
        assert stranger.get("/api/v1/matrices/1/preview").status_code == 401
    with portfolio.browser() as viewer:
        assert viewer.get("/api/v1/matrices/1/preview").json() == {
            "version": 1, "counts": {"worse": 0, "milder": 0, "same": 0}, "moves": [], "stay": 1, "not_rated": 1,
            "warnings": [],
        }  # fmt: skip
