"""Partners and people: changing them safely, and paging through them."""

import base64
import json
from typing import Any

import httpx
import pytest
from served import Site

from warden.domain import Role


def add(client: httpx.Client, name: str = "Acme", **values: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/partners", json={"name": name, **values})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_partner_is_stored_with_its_names_and_people(admin: httpx.Client) -> None:
    person = admin.post("/api/v1/people", json={"name": "Lin Mei", "email": "Lin@our.example"}).json()
    made = add(
        admin,
        owner_id=person["id"],
        annual_value="1200000.50",
        currency="TWD",
        share=0.2,
        single_source=True,
        contract_end="2027-06-30",
        tags=["freight"],
        identifiers=[{"scheme": "domain", "value": "ACME.example"}],
        aliases=[{"text": "Acme", "needs_context": True}],
    )
    assert made["owner"]["email"] == "lin@our.example"
    assert made["annual_value"] == "1200000.50"
    assert [(one["scheme"], one["value"]) for one in made["identifiers"]] == [("domain", "acme.example")]
    assert [(one["text"], one["needs_context"]) for one in made["aliases"]] == [("Acme", True)]
    assert admin.get(f"/api/v1/partners/{made['id']}").json() == made


def test_a_change_keeps_what_it_leaves_out_and_empties_what_is_null(admin: httpx.Client) -> None:
    made = add(admin, notes="old", share=0.2)
    path = f"/api/v1/partners/{made['id']}"
    changed = admin.patch(path, json={"share": None}).json()
    assert (changed["share"], changed["notes"], changed["version"]) == (None, "old", 2)
    assert [fault["where"] for fault in admin.patch(path, json={"name": None}).json()["faults"]] == ["name"]


def test_of_two_who_change_the_same_version_the_second_is_told(admin: httpx.Client) -> None:
    path = f"/api/v1/partners/{add(admin)['id']}"
    etag = admin.get(path).headers["etag"]
    first = admin.patch(path, json={"notes": "first"}, headers={"If-Match": etag})
    second = admin.patch(path, json={"notes": "second"}, headers={"If-Match": etag})
    assert (first.status_code, second.status_code) == (200, 412)
    assert first.headers["etag"] != etag
    assert admin.get(path).json()["notes"] == "first"


@pytest.mark.parametrize(
    ("if_match", "status"), [('"1"', 200), ("*", 200), ('"2"', 412), ('W/"1"', 412), ("1", 412), ("junk", 412)]
)
def test_if_match_is_taken_to_the_letter(admin: httpx.Client, if_match: str, status: int) -> None:
    path = f"/api/v1/partners/{add(admin)['id']}"
    assert admin.patch(path, json={"notes": "x"}, headers={"If-Match": if_match}).status_code == status


def test_a_name_or_identifier_belongs_to_one_partner(admin: httpx.Client) -> None:
    add(admin, identifiers=[{"scheme": "supplier_code", "value": "7"}])
    other = add(admin, "Other")
    assert admin.post("/api/v1/partners", json={"name": "Acme"}).status_code == 409
    path = f"/api/v1/partners/{other['id']}/identifiers"
    taken = admin.post(path, json={"scheme": "supplier_code", "value": "7.0"})
    assert (taken.status_code, taken.json()["detail"]) == (409, "supplier_code 7 already belongs to Acme.")
    assert admin.get(path).json() == {"items": [], "next": None}


def test_identifiers_and_aliases_come_and_go(admin: httpx.Client) -> None:
    path = f"/api/v1/partners/{add(admin)['id']}"
    for noun, body in (("identifiers", {"scheme": "email", "value": "a@b.example"}), ("aliases", {"text": "AC"})):
        made = admin.post(f"{path}/{noun}", json=body)
        assert made.status_code == 201
        assert len(admin.get(f"{path}/{noun}").json()["items"]) == 1
        assert admin.delete(f"{path}/{noun}/{made.json()['id']}").status_code == 204
        assert admin.delete(f"{path}/{noun}/{made.json()['id']}").status_code == 404


def test_a_partner_cannot_have_people_who_do_not_exist(admin: httpx.Client) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    answer = admin.post("/api/v1/partners", json={"name": "Acme", "owner_id": nobody})
    assert [fault["where"] for fault in answer.json()["faults"]] == ["owner_id"]


def test_partners_are_found_by_what_they_are(admin: httpx.Client) -> None:
    add(admin, "Acme", tier="strategic", tags=["freight"], aliases=[{"text": "Roadrunner"}])
    add(admin, "Beta", stage="buffer")

    def names(**filters: str) -> list[str]:
        return [one["name"] for one in admin.get("/api/v1/partners", params=filters).json()["items"]]

    assert names() == ["Acme", "Beta"]
    assert names(tier="strategic") == names(tag="freight") == names(text="runner") == ["Acme"]
    assert names(stage="buffer") == ["Beta"]
    assert names(text="%") == []
    assert names(band="high") == []


def test_pages_stay_stable_while_partners_are_added(admin: httpx.Client) -> None:
    for number in range(10, 30):
        add(admin, f"P{number}")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = admin.get("/api/v1/partners", params={"limit": 7, **({"cursor": cursor} if cursor else {})}).json()
        seen += [one["name"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        add(admin, f"A{len(seen)}")  # lies before what was seen: must neither shift nor repeat anything
        add(admin, f"Z{len(seen)}")  # lies after it: must be seen
    assert seen == [f"P{number}" for number in range(10, 30)] + ["Z14", "Z21", "Z7"]


def cursor_of(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "",
        cursor_of(),
        cursor_of("a"),
        cursor_of(1, 2),
        cursor_of("a", "not-an-id"),
        cursor_of("a\0", "00000000-0000-0000-0000-000000000000"),
        cursor_of("\ud800", "00000000-0000-0000-0000-000000000000"),
        "W1tbW1s" * 250,
    ],
)
def test_a_cursor_that_is_none_is_the_callers_fault(portfolio: Site, cursor: str) -> None:
    with portfolio.client(Role.VIEWER) as client:
        answer = client.get("/api/v1/partners", params={"cursor": cursor})
    assert answer.status_code == 422
    assert [fault["where"] for fault in answer.json()["faults"]] == ["cursor"]


def test_a_cursor_of_another_list_is_refused_or_harmless(portfolio: Site) -> None:
    with portfolio.client(Role.VIEWER) as client:
        cursor = client.get("/api/v1/facts", params={"limit": 1}).json()["next"]
        assert client.get("/api/v1/alerts", params={"cursor": cursor}).status_code == 422
        assert client.get("/api/v1/facts", params={"cursor": cursor_of("9" * 400, 1)}).status_code == 422


def test_people_are_changed_and_their_address_stays_unique(admin: httpx.Client) -> None:
    first = admin.post("/api/v1/people", json={"name": "A", "email": "a@our.example"}).json()
    admin.post("/api/v1/people", json={"name": "B", "email": "b@our.example", "ours": False})
    path = f"/api/v1/people/{first['id']}"
    assert admin.patch(path, json={"locale": "vi", "name": "An"}).json()["locale"] == "vi"
    read = admin.get(path)
    assert (read.headers["ETag"], read.json()["version"]) == ('"2"', 2)
    assert admin.patch(path, json={"name": "Anh"}, headers={"If-Match": '"1"'}).status_code == 412
    assert admin.patch(path, json={"name": "Anh"}, headers={"If-Match": '"2"'}).headers["ETag"] == '"3"'
    assert admin.patch(path, json={"email": "B@our.example"}).status_code == 409
    assert admin.patch(path, json={"locale": "xx"}).status_code == 422
    assert admin.post("/api/v1/people", json={"name": "C", "email": "nonsense"}).status_code == 422
    assert [one["name"] for one in admin.get("/api/v1/people", params={"ours": False}).json()["items"]] == ["B"]
