"""Pushing facts, finding them again, and mapping keys nobody knows."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from served import Site

from warden.domain import Role


@pytest.fixture
def pusher(site: Site) -> Iterator[httpx.Client]:
    with site.client(Role.MANAGER, scopes=("facts:write", "facts:read")) as client:
        yield client


def message(number: int = 0, **values: Any) -> dict[str, Any]:
    return {
        "kind": "message",
        "identity": f"m{number}",
        "at": "2026-05-04T09:12:00+08:00",
        "key": {"scheme": "email", "value": "Kim@Acme.example"},
        "sent": False,
        **values,
    }


def delivery(number: int = 0, **values: Any) -> dict[str, Any]:
    return {
        "kind": "delivery",
        "identity": f"d{number}",
        "at": "2026-05-04T09:00:00Z",
        "key": {"scheme": "supplier_code", "value": "S-1"},
        "due_on": "2026-05-01",
        **values,
    }


ARTICLE = {
    "kind": "article",
    "identity": "a",
    "at": "2026-05-04T09:00:00Z",
    "url": "https://press.example/1",
    "title": "Acme recalls a product",
    "summary": "It was too hot.",
}
MEASURE = {
    "kind": "measure",
    "identity": "s",
    "at": "2026-05-04T09:00:00Z",
    "key": {"scheme": "supplier_code", "value": "S-1"},
    "name": "satisfaction",
    "value": 3.8,
    "unit": "of 5",
}


def push(client: httpx.Client, *facts: dict[str, Any], key: str | None = None, source: str = "erp") -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/api/v1/facts", json={"source": source, "facts": list(facts)}, headers=headers)


def stored(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/v1/facts", params={"limit": 200}).json()["items"]
    return found


def test_every_kind_of_fact_comes_back_as_it_was_pushed(pusher: httpx.Client) -> None:
    made = delivery(made_on="2026-05-04", quantity=3, amount="1250.50", currency="USD")
    answer = push(pusher, message(thread="t", reply_seconds=60), made, ARTICLE, MEASURE)
    assert (answer.status_code, answer.json()) == (201, {"received": 4, "new": 4})
    facts = {fact["kind"]: fact for fact in stored(pusher)}
    assert facts["message"]["key"]["value"] == "kim@acme.example"
    assert (facts["message"]["sent"], facts["message"]["thread"], facts["message"]["reply_seconds"]) == (False, "t", 60)
    assert facts["message"]["at"] == "2026-05-04T01:12:00Z"
    assert (facts["delivery"]["made_on"], facts["delivery"]["amount"]) == ("2026-05-04", "1250.50")
    assert (facts["article"]["title"], facts["article"]["key"]) == ("Acme recalls a product", None)
    assert (facts["measure"]["name"], facts["measure"]["value"], facts["measure"]["unit"]) == (
        "satisfaction",
        3.8,
        "of 5",
    )
    one = pusher.get(f"/api/v1/facts/{facts['article']['id']}").json()
    assert one == facts["article"]


def test_the_same_facts_again_add_nothing_and_a_correction_takes_their_place(pusher: httpx.Client) -> None:
    push(pusher, delivery())
    assert push(pusher, delivery()).json() == {"received": 1, "new": 0}
    assert push(pusher, delivery(made_on="2026-05-04")).json() == {"received": 1, "new": 1}
    assert [fact["made_on"] for fact in stored(pusher)] == ["2026-05-04"]


@pytest.mark.parametrize(
    ("fact", "where"),
    [
        (delivery(due_on="2026-13-01"), "facts[1].due_on"),
        (delivery(due_on=20260501), "facts[1].due_on"),
        (delivery(due_on="0001-01-01"), "facts[1].due_on"),
        (delivery(at="2026-05-04T09:00:00"), "facts[1].at"),
        (delivery(at="2199-01-01T00:00:00Z"), "facts[1].at"),
        (delivery(at=1_777_000_000), "facts[1].at"),
        (delivery(made_on="2026-05-04", made_at="2026-05-04T09:00:00Z"), "facts[1].made_at"),
        (delivery(made_on="2199-01-01"), "facts[1].made_on"),
        (delivery(made_at="2199-01-01T00:00:00Z"), "facts[1].made_at"),
        (delivery(quantity="3"), "facts[1].quantity"),
        (delivery(quantity=True), "facts[1].quantity"),
        (delivery(typo=1), "facts[1].typo"),
        (delivery(currency="usd"), "facts[1].currency"),
        (delivery(key={"scheme": "supplier code", "value": "S"}), "facts[1].key"),
        (delivery(key={"scheme": "email"}), "facts[1].key.value"),
        (message(sent="false"), "facts[1].sent"),
        (message(sent=0), "facts[1].sent"),
        (message(identity="a\0b"), "facts[1].identity"),
        (message(thread=""), "facts[1].thread"),
        (ARTICLE | {"url": "javascript:alert(1)"}, "facts[1].url"),
        (MEASURE | {"value": "NaN"}, "facts[1].value"),
        (MEASURE | {"name": "compliance_incident", "value": -1}, "facts[1].value"),
        (MEASURE | {"name": "meeting_executive", "value": -1}, "facts[1].value"),
        (MEASURE | {"name": "milestone", "value": 7}, "facts[1].value"),
        (delivery(quantity=-1), "facts[1].quantity"),
        (delivery(currency="ZZZ"), "facts[1].currency"),
        ({"kind": "rumour"}, "facts[1].kind"),
        ({"identity": "a"}, "facts[1].kind"),
        ("a text", "facts[1]"),
    ],
)
def test_one_fault_refuses_the_whole_batch_and_names_its_place(pusher: httpx.Client, fact: Any, where: str) -> None:
    answer = push(pusher, message(), fact)
    assert answer.status_code == 422, answer.text
    assert where in [fault["where"] for fault in answer.json()["faults"]]
    assert stored(pusher) == []


def test_every_fault_of_a_fact_is_told_at_once(pusher: httpx.Client) -> None:
    late = delivery(at="2199-01-01T00:00:00Z", made_on="2199-01-01", key={"scheme": "supplier code", "value": "S"})
    faults = push(pusher, late, late).json()["faults"]
    fields = ("key", "at", "made_on")
    assert [fault["where"] for fault in faults] == [f"facts[{at}].{field}" for at in (0, 1) for field in fields]


def test_a_fact_of_no_kind_is_told_which_there_are(pusher: httpx.Client) -> None:
    (fault,) = push(pusher, {"kind": "rumour"}).json()["faults"]
    assert fault == {"where": "facts[0].kind", "what": "expected one of message, delivery, article, measure"}


def test_a_source_with_hidden_characters_in_its_name_is_refused_under_the_field_it_came_in(
    pusher: httpx.Client,
) -> None:
    answer = push(pusher, message(), source="a\nb")
    assert (answer.status_code, [fault["where"] for fault in answer.json()["faults"]]) == (422, ["source"])


def test_not_a_number_is_refused_as_json_has_none(pusher: httpx.Client) -> None:
    body = json.dumps({"facts": [MEASURE | {"value": float("nan")}]})
    answer = pusher.post("/api/v1/facts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


@pytest.mark.parametrize("count", [0, 1001])
def test_a_batch_has_one_to_a_thousand_facts(pusher: httpx.Client, count: int) -> None:
    answer = push(pusher, *(message(number) for number in range(count)))
    assert [fault["where"] for fault in answer.json()["faults"]] == ["facts"]


def test_a_thousand_facts_are_taken_at_once(pusher: httpx.Client) -> None:
    assert push(pusher, *(message(number) for number in range(1000))).json() == {"received": 1000, "new": 1000}


def test_a_thousand_faults_are_told_by_their_first_hundred(pusher: httpx.Client) -> None:
    problem = push(pusher, *(message(number, sent=1) for number in range(1000))).json()
    assert len(problem["faults"]) == 100
    assert "1000" in problem["detail"]


def test_a_repeated_request_is_answered_as_the_first_was(pusher: httpx.Client) -> None:
    first = push(pusher, message(), key="k")
    again = push(pusher, message(), key="k")
    assert (again.status_code, again.json()) == (first.status_code, first.json()) == (201, {"received": 1, "new": 1})
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


def test_a_key_belongs_to_one_body(pusher: httpx.Client) -> None:
    push(pusher, message(), key="k")
    answer = push(pusher, message(1), key="k")
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["where"] == "Idempotency-Key"
    assert len(stored(pusher)) == 1


def test_a_request_that_failed_leaves_its_key_free(pusher: httpx.Client, site: Site) -> None:
    with site.client(Role.ADMIN) as admin:
        made = admin.post(
            "/api/v1/sources", json={"name": "press", "collector": "feed", "options": {"url": "https://a.example/"}}
        )
        assert made.status_code == 201, made.text
    assert push(pusher, message(), key="k", source="press").status_code == 409
    assert push(pusher, message(), key="k").status_code == 201


def test_a_key_belongs_to_one_caller(site: Site, pusher: httpx.Client) -> None:
    push(pusher, message(), key="k")
    with site.client(Role.MANAGER) as other:
        answer = push(other, message(1), key="k")
    assert (answer.status_code, answer.json()["new"]) == (201, 1)


def test_of_many_equal_requests_at_once_one_is_carried_out(site: Site, pusher: httpx.Client) -> None:
    answers: list[httpx.Response] = []
    ready = threading.Barrier(12)

    def go() -> None:
        with site.visitor(headers=pusher.headers) as client:
            ready.wait()
            answers.append(push(client, *(message(number) for number in range(50)), key="k"))

    threads = [threading.Thread(target=go) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, '{"received":50,"new":50}')}
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert len(stored(pusher)) == 50


def test_many_writers_at_once_all_get_through(site: Site, pusher: httpx.Client) -> None:
    statuses: list[int] = []

    def go(number: int) -> None:
        with site.visitor(headers=pusher.headers) as client:
            statuses.extend(push(client, message(number * 10 + part)).status_code for part in range(3))

    threads = [threading.Thread(target=go, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 180
    assert len(stored(pusher)) == 180


def test_facts_are_filtered(site: Site, pusher: httpx.Client) -> None:
    push(pusher, message(1, at="2026-05-01T00:00:00Z"), message(2, at="2026-05-02T00:00:00Z"), delivery())

    def found(**filters: Any) -> int:
        return len(pusher.get("/api/v1/facts", params=filters).json()["items"])

    assert found(kind="message") == 2
    assert found(kind="message", since="2026-05-02T00:00:00Z") == 1
    assert found(kind="message", until="2026-05-02T00:00:00Z") == 1
    assert found(known_at="2020-01-01T00:00:00Z") == 0
    assert found(partner_id="00000000-0000-0000-0000-000000000000") == 0


def test_mapping_a_key_gives_its_past_facts_to_the_partner(admin: httpx.Client) -> None:
    partner = admin.post("/api/v1/partners", json={"name": "Acme"}).json()
    push(admin, delivery(1), delivery(2), message())
    keys = admin.get("/api/v1/unattributed").json()["items"]
    assert [(one["key"]["value"], one["facts"]) for one in keys] == [
        ("S-1", {"delivery": 2}),
        ("kim@acme.example", {"message": 1}),
    ]
    answer = admin.post(f"/api/v1/unattributed/{keys[0]['key']['id']}/map", json={"partner_id": partner["id"]})
    assert answer.status_code == 200
    assert len(admin.get("/api/v1/facts", params={"partner_id": partner["id"]}).json()["items"]) == 2
    assert [one["key"]["value"] for one in admin.get("/api/v1/unattributed").json()["items"]] == ["kim@acme.example"]
    other = admin.post("/api/v1/partners", json={"name": "Other"}).json()
    again = admin.post(f"/api/v1/unattributed/{keys[0]['key']['id']}/map", json={"partner_id": other["id"]})
    assert again.status_code == 409


def test_a_fact_number_beyond_any_database_is_refused(admin: httpx.Client) -> None:
    assert admin.get(f"/api/v1/facts/{2**63}").status_code == 422
    assert admin.get(f"/api/v1/facts/{2**63 - 1}").status_code == 404
