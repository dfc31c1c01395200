"""Risk criteria over the API: what can be set, setting it for whom, where each value comes from, and taking it back."""

from typing import Any

import httpx
import pytest


def add_partner(admin: httpx.Client, **values: Any) -> str:
    made = admin.post("/api/v1/partners", json={"name": "Acme", "tier": "strategic", **values})
    assert made.status_code == 201
    return str(made.json()["id"])


def put(
    admin: httpx.Client, scope: str, subject: str, data: dict[str, Any], name: str = "silence", **headers: str
) -> httpx.Response:
    body = {"name": name, "scope": scope, "subject": subject, "data": data, "reason": "Agreed."}
    return admin.put("/api/v1/criteria", json=body, headers=headers)


def held(admin: httpx.Client, partner_id: str, name: str = "silence", **params: str) -> dict[str, dict[str, Any]]:
    listed = admin.get(f"/api/v1/partners/{partner_id}/criteria", params=params).json()["items"]
    found = next(one for one in listed if one["name"] == name)
    return {value["field"]: value for value in found["values"]}


def test_what_can_be_set_is_told_with_ranges_and_what_ships(admin: httpx.Client) -> None:
    shapes = {one["name"]: one["fields"] for one in admin.get("/api/v1/criteria/schema").json()["items"]}
    assert {"silence", "late_share", "tone", "impact", "placement"} <= shapes.keys()
    days = next(field for field in shapes["silence"] if field["name"] == "days")
    assert (days["kind"], days["unit"], days["default"], days["lowest"], days["highest"]) == (
        "number", "days", 30.0, 7.0, 365.0,
    )  # fmt: skip
    assert {field["name"]: field["kind"] for field in shapes["placement"]}["likelihood"] == "list"
    assert {field["name"]: field["kind"] for field in shapes["impact"]}["tiers"] == "table"
    assert all(field["description"] for fields in shapes.values() for field in fields)


def test_the_narrowest_setting_wins_and_says_who_set_it(admin: httpx.Client) -> None:
    partner_id = add_partner(admin)
    assert held(admin, partner_id)["days"] == {
        "field": "days", "value": 30.0, "source": "shipped", "subject": "", "criterion_id": None, "author": None,
        "since": None,
    }  # fmt: skip
    for scope, subject, days in (("portfolio", "", 25), ("tier", "Strategic", 21), ("partner", partner_id, 14)):
        made = put(admin, scope, subject, {"days": days})
        assert made.status_code == 200, made.text
        value = held(admin, partner_id)["days"]
        assert (value["value"], value["source"], value["criterion_id"]) == (days, scope, made.json()["id"])
        assert value["author"] == "token admin test"
    assert held(admin, partner_id)["horizon_days"]["source"] == "shipped"


def test_what_ended_is_kept_and_what_held_then_can_be_asked(admin: httpx.Client) -> None:
    partner_id = add_partner(admin)
    first = put(admin, "portfolio", "", {"days": 25}).json()
    second = put(admin, "portfolio", "", {"days": 20}).json()
    ended = admin.delete(f"/api/v1/criteria/{second['id']}")
    assert (ended.status_code, ended.json()["ended_at"] is None) == (200, False)
    assert admin.delete(f"/api/v1/criteria/{second['id']}").status_code == 409
    assert admin.get("/api/v1/criteria").json()["items"] == []
    listed = admin.get("/api/v1/criteria", params={"history": True, "name": "silence"}).json()["items"]
    assert [one["id"] for one in listed] == [second["id"], first["id"]]
    assert held(admin, partner_id)["days"]["value"] == 30.0
    assert held(admin, partner_id, as_of=second["created_at"])["days"]["value"] == 20.0


def test_setting_the_same_again_changes_nothing(admin: httpx.Client) -> None:
    add_partner(admin)
    first, again = (put(admin, "tier", "strategic", {"days": 21}) for _ in range(2))
    assert first.json() == again.json()
    assert first.headers["etag"] == f'"{first.json()["id"]}"'


def test_a_new_reason_for_the_same_is_kept(admin: httpx.Client) -> None:
    body = {"name": "silence", "scope": "portfolio", "data": {"days": 21}}
    first = admin.put("/api/v1/criteria", json={**body, "reason": "Called every week."}).json()
    again = admin.put("/api/v1/criteria", json={**body, "reason": "Called every Monday."}).json()
    assert (again["reason"], again["id"] != first["id"]) == ("Called every Monday.", True)
    assert admin.put("/api/v1/criteria", json=body).json() == again


def test_a_tier_nobody_has_is_refused_and_the_others_are_named(admin: httpx.Client) -> None:
    add_partner(admin)
    answer = put(admin, "tier", "stratgic", {"days": 21})
    assert answer.status_code == 422
    assert answer.json()["faults"] == [
        {"where": "subject", "what": "found 'stratgic'; expected a tier some partner has: strategic"}
    ]
    assert put(admin, "tier", "STRATEGIC", {"days": 21}).status_code == 200


def test_what_placement_leaves_open_is_shown_as_it_is_used(admin: httpx.Client) -> None:
    partner_id = add_partner(admin)
    items = admin.get(f"/api/v1/partners/{partner_id}/criteria").json()["items"]
    (placement,) = (one["values"] for one in items if one["name"] == "placement")
    values = {one["field"]: one["value"] for one in placement}
    assert values["coverage_floor"] == 0.5
    assert values["likelihood"] == [0, 0.2, 0.4, 0.6, 0.8]
    assert len(values["impact"]) == 5


def test_starts_for_another_number_of_levels_are_not_shown_as_used(admin: httpx.Client) -> None:
    partner_id = add_partner(admin)
    starts = {"likelihood": [0, 0.1, 0.2, 0.3, 0.4], "impact": [1, 2, 3, 4, 4.5]}
    assert put(admin, "partner", partner_id, starts, "placement").status_code == 200
    grid = admin.get("/api/v1/matrices/1").json()["data"]
    grid["levels"]["impact"].pop()
    grid["grid"] = [row[:-1] for row in grid["grid"]]
    version = admin.post("/api/v1/matrices", json=grid).json()["version"]
    assert admin.post(f"/api/v1/matrices/{version}/activate").status_code == 200
    placement = held(admin, partner_id, "placement")
    assert (placement["likelihood"]["value"], placement["likelihood"]["source"]) == (starts["likelihood"], "partner")
    own = [level["from"] for level in grid["levels"]["impact"]]
    assert (placement["impact"]["value"], placement["impact"]["source"]) == (own, "shipped")


def test_nobody_can_ask_what_holds_in_the_future(admin: httpx.Client) -> None:
    partner_id = add_partner(admin)
    answer = admin.get(f"/api/v1/partners/{partner_id}/criteria", params={"as_of": "2190-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["faults"][0]["where"]) == (422, "as_of")


def test_of_two_who_set_the_same_criterion_the_second_is_told(admin: httpx.Client) -> None:
    etag = put(admin, "portfolio", "", {"days": 25}).headers["etag"]
    assert put(admin, "portfolio", "", {"days": 20}, **{"If-Match": etag}).status_code == 200
    late = put(admin, "portfolio", "", {"days": 15}, **{"If-Match": etag})
    assert (late.status_code, late.json()["title"]) == (412, "Precondition failed")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"data": {"days": 3}}, "days"),
        ({"name": "impact", "data": {"tiers": {"a\x00": 1}}}, "tiers.a"),
        ({"data": {"days": "30"}}, "days"),
        ({"data": {"day": 30}}, "day"),
        ({"data": {}}, "data"),
        ({"data": {"enabled": 1}}, "enabled"),
        ({"data": {"days": 21}, "scope": "partner", "subject": "nobody"}, "subject"),
        ({"data": {"days": 21}, "subject": "key"}, "subject"),
        ({"data": {"days": 21}, "scope": "tier"}, "subject"),
        ({"name": "impact", "data": {"tiers": {"gold": 2}}}, "tiers.gold"),
        ({"name": "placement", "data": {"likelihood": [0, 0.5, 0.4]}}, "likelihood"),
    ],
)
def test_what_is_wrong_is_told_by_field(admin: httpx.Client, body: dict[str, Any], where: str) -> None:
    answer = admin.put("/api/v1/criteria", json={"name": "silence", "scope": "portfolio", **body})
    assert answer.status_code == 422
    assert [fault["where"] for fault in answer.json()["faults"]] == [where]


def test_a_criterion_of_another_name_is_not_there(admin: httpx.Client) -> None:
    answer = admin.put("/api/v1/criteria", json={"name": "mood", "scope": "portfolio", "data": {"x": 1}})
    assert answer.status_code == 404
    assert admin.delete("/api/v1/criteria/00000000-0000-0000-0000-000000000000").status_code == 404
