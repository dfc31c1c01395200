"""News over the API: incidents and how people correct them, names to review, and versions of what reads tone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from served import Site

from collectors.base import Article
from scorers.news.read import shipped_models
from warden.clock import utc_now
from warden.domain import Role
from warden.pipeline import attribute
from warden.store import facts, news_models, partners, sources

Correct = Callable[..., httpx.Response]
TITLES = (
    "Acme workers walk out at Leeds plant over pay",
    "Acme workers walk out at Leeds plant over pay - Example Post",
    "Acme faces fraud probe",
)


@pytest.fixture
def site(seeded_site: Site) -> Site:
    return seeded_site


@pytest.fixture
def partner(site: Site) -> str:
    """A partner that three articles name; the first two say the same."""
    partner_id, now = site.seeded["partner"], utc_now()
    with site.services.db.write() as session:
        source = sources.push(session, "erp", now)
        told = [
            Article(identity=title, at=now - timedelta(days=3), url=f"https://paper{place}.example/1", title=title)
            for place, title in enumerate(TITLES)
        ]
        facts.insert_facts(session, source.id, told, now)
    attribute.run(site.services.db, now)
    return str(partner_id)


def articles(admin: httpx.Client, partner: str) -> dict[str, dict[str, Any]]:
    """Return all articles of a partner by title."""
    listed = admin.get(f"/api/v1/partners/{partner}/incidents").json()["items"]
    stories = [story for one in listed for story in one["stories"]]
    return {one["title"]: one for story in stories for one in (story["article"], *story["copies"])}


@pytest.fixture
def correct(admin: httpx.Client, partner: str) -> Correct:
    """Correct the article about the fraud probe."""
    number = articles(admin, partner)[TITLES[2]]["fact_id"]

    def post(kind: str, value: Any, **body: Any) -> httpx.Response:
        body = {"partner_id": partner, "kind": kind, "value": value, **body}
        return admin.post(f"/api/v1/articles/{number}/corrections", json=body)

    return post


def test_incidents_are_listed_heaviest_first_with_their_copies_and_reasons(admin: httpx.Client, partner: str) -> None:
    page = admin.get(f"/api/v1/partners/{partner}/incidents").json()
    weights = [one["present_weight"] for one in page["items"]]
    assert weights == sorted(weights, reverse=True)
    strike = next(one for one in page["items"] if one["event"] == "strike")
    assert (strike["articles"], strike["outlets"]) == (2, ["paper0.example", "paper1.example"])
    (story,) = strike["stories"]
    assert [copy["title"] for copy in story["copies"]] == [TITLES[1]]
    assert "walk out" in " ".join(story["article"]["triggers"])
    assert strike["tone"]["label"] == "negative"
    assert sum(strike["tone"][f"p_{label}"] for label in ("negative", "neutral", "positive")) == pytest.approx(1)


def test_an_edited_article_tells_its_earlier_headlines(site: Site, admin: httpx.Client, partner: str) -> None:
    now = utc_now()
    assert articles(admin, partner)[TITLES[2]]["earlier"] == []
    with site.services.db.write() as session:
        source = sources.push(session, "erp", now)
        edited = Article(
            identity=TITLES[2],
            at=now - timedelta(days=3),
            url="https://paper2.example/1",
            title="Acme cleared of fraud",
        )
        facts.insert_facts(session, source.id, [edited], now)
    attribute.run(site.services.db, now)
    told = articles(admin, partner)["Acme cleared of fraud"]
    (earlier,) = told["earlier"]
    assert (earlier["title"], earlier["event"]) == (TITLES[2], "fraud_investigation")
    assert earlier["tone"]["label"] == "negative"
    assert earlier["recorded_at"] < earlier["superseded_at"]


def test_pages_show_what_was_known_when_the_first_was_read(admin: httpx.Client, partner: str, correct: Correct) -> None:
    path = f"/api/v1/partners/{partner}/incidents"
    whole = [one["id"] for one in admin.get(path).json()["items"]]
    page = admin.get(path, params={"limit": 1}).json()
    found = [one["id"] for one in page["items"]]
    correct("about", {"about": False}).raise_for_status()
    while page["next"]:
        page = admin.get(path, params={"limit": 1, "cursor": page["next"]}).json()
        found += [one["id"] for one in page["items"]]
    assert found == whole
    assert len(admin.get(path).json()["items"]) == len(whole) - 1


@pytest.mark.parametrize("cursor", ["x", "2026-01-01T00:00:00/1", "2026-01-01T00:00:00+00:00/-1", "/", "1/2/3"])
def test_a_foreign_cursor_is_refused(admin: httpx.Client, partner: str, cursor: str) -> None:
    answer = admin.get(f"/api/v1/partners/{partner}/incidents", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["faults"][0]["where"]) == (422, "cursor")


def test_a_correction_holds_at_once_and_survives_the_next_reading(
    site: Site, admin: httpx.Client, partner: str, correct: Correct
) -> None:
    made = correct("tone", {"label": "positive"})
    assert (made.status_code, made.json()["author"]) == (201, "token admin test")
    for _ in range(2):
        told = articles(admin, partner)[TITLES[2]]
        assert (told["tone"]["label"], told["tone"]["p_positive"], told["corrected"]) == ("positive", 1.0, True)
        assert [one["id"] for one in told["corrections"]] == [made.json()["id"]]
        attribute.run(site.services.db, utc_now())
    correct("tone", {}).raise_for_status()
    attribute.run(site.services.db, utc_now())
    told = articles(admin, partner)[TITLES[2]]
    assert (told["tone"]["label"], told["corrected"]) == ("negative", False)
    history = admin.get(f"/api/v1/articles/{told['fact_id']}/corrections").json()["items"]
    assert [one["value"] for one in history] == [{"label": "positive"}, {}]


def test_an_event_an_incident_and_whom_it_is_about_are_corrected(
    admin: httpx.Client, partner: str, correct: Correct
) -> None:
    correct("event", {"event": None}).raise_for_status()
    assert articles(admin, partner)[TITLES[2]]["event"] is None
    correct("incident", {"with": articles(admin, partner)[TITLES[0]]["fact_id"]}).raise_for_status()
    assert max(one["articles"] for one in admin.get(f"/api/v1/partners/{partner}/incidents").json()["items"]) == 3
    correct("incident", {"apart": True}).raise_for_status()
    assert max(one["articles"] for one in admin.get(f"/api/v1/partners/{partner}/incidents").json()["items"]) == 2
    correct("about", {"about": False}).raise_for_status()
    assert TITLES[2] not in articles(admin, partner)


@pytest.mark.parametrize(
    ("kind", "value", "where"),
    [
        ("tone", {"label": "angry"}, "value.label"),
        ("tone", {"label": None}, "value.label"),
        ("tone", {"event": "strike"}, "value.event"),
        ("tone", {"label": "neutral", "about": True}, "value.about"),
        ("tone", {"mood": 1}, "value.mood"),
        ("tone", None, "value"),
        ("event", {"event": "flood"}, "value.event"),
        ("event", {"event": ["strike"]}, "value.event"),
        ("about", {"about": "no"}, "value.about"),
        ("incident", {"apart": False}, "value.with"),
        ("incident", {"with": 999_999}, "value.with"),
        ("incident", {"with": 10**30}, "value.with"),
        ("incident", {"with": "1"}, "value.with"),
        ("mood", {}, "kind"),
    ],
)
def test_what_is_wrong_with_a_correction_is_told_by_field(correct: Correct, kind: str, value: Any, where: str) -> None:
    answer = correct(kind, value)
    assert (answer.status_code, [fault["where"] for fault in answer.json()["faults"]]) == (422, [where])
    assert answer.json()["faults"][0]["what"]


def test_only_what_names_a_partner_is_corrected_for_it(admin: httpx.Client, site: Site, correct: Correct) -> None:
    with site.services.db.read() as session:
        stranger = partners.by_name(session, "Blank")
        message = next(fact.id for fact in facts.listing(session).items if fact.kind == "message")
    assert stranger is not None
    assert correct("about", {"about": False}, partner_id=str(stranger.id)).status_code == 404
    for number in (message, 999_999):
        body = {"partner_id": str(stranger.id), "kind": "about", "value": {"about": False}}
        assert admin.post(f"/api/v1/articles/{number}/corrections", json=body).status_code == 404
        assert admin.get(f"/api/v1/articles/{number}/corrections").status_code == 404


def test_an_ambiguous_name_waits_until_somebody_has_looked(site: Site, admin: httpx.Client, partner: str) -> None:
    admin.patch(f"/api/v1/partners/{partner}", json={"name": "Summit"}).raise_for_status()
    other = admin.post("/api/v1/partners", json={"name": "VN", "aliases": [{"text": "acme"}]}).json()["id"]
    attribute.run(site.services.db, utc_now())
    waiting = admin.get("/api/v1/names/review").json()["items"]
    found = {(one["partner"], one["text"]): (one["why"], one["own"], len(one["headlines"])) for one in waiting}
    assert found == {
        ("Summit", "Acme"): (["shared"], False, 4),
        ("Summit", "Summit"): (["word"], True, 0),
        ("VN", "VN"): (["short"], True, 0),
        ("VN", "acme"): (["shared"], False, 4),
    }
    first = admin.get("/api/v1/names/review", params={"limit": 3}).json()
    rest = admin.get("/api/v1/names/review", params={"limit": 3, "cursor": first["next"]}).json()
    assert ([one["text"] for one in first["items"] + rest["items"]], rest["next"]) == (
        ["Acme", "Summit", "VN", "acme"],
        None,
    )
    flags = {"by_itself": (False, False, False), "second_cue": (False, True, False)}
    flags |= {"letter_case": (True, False, False), "never": (False, False, True)}
    for answer, expected in flags.items():
        body = {"text": "acme", "answer": answer}
        alias = admin.post(f"/api/v1/partners/{other}/names/review", json=body).json()
        assert (alias["case_sensitive"], alias["needs_context"], alias["exclude"]) == expected
        assert alias["reviewed_by"] == "token admin test"
    assert len(admin.get("/api/v1/names/review").json()["items"]) == 2, "nobody shares it now"


def test_a_reviewed_short_name_counts_by_itself(site: Site, admin: httpx.Client, partner: str) -> None:
    with site.services.db.write() as session:
        source = sources.push(session, "erp", utc_now())
        told = Article(
            identity="x", at=utc_now() - timedelta(days=1), url="https://x.example/", title="LQ halts output"
        )
        facts.insert_facts(session, source.id, [told], utc_now())
    path = f"/api/v1/partners/{partner}"
    preview = admin.get(f"{path}/names/preview", params={"text": "LQ"}).json()
    assert (preview["counts"], preview["cut"]) == ({"new": 1, "lost": 0, "kept": 0}, False)
    assert [(one["title"], one["mark"], one["counts"]) for one in preview["headlines"]] == [
        ("LQ halts output", "new", False)
    ]
    admin.post(f"{path}/aliases", json={"text": "LQ"}).raise_for_status()
    attribute.run(site.services.db, utc_now())
    assert "LQ halts output" not in articles(admin, partner), "two letters need a second cue"
    admin.post(f"{path}/names/review", json={"text": "LQ", "answer": "by_itself"}).raise_for_status()
    attribute.run(site.services.db, utc_now())
    assert "LQ halts output" in articles(admin, partner)
    changed = admin.post(f"{path}/aliases", json={"text": "LQ", "needs_context": True}).json()
    assert changed["reviewed_by"] is None, "flags set without a look are nobody's word"


def test_a_preview_tells_what_counts_no_more_and_stores_nothing(admin: httpx.Client, partner: str) -> None:
    path = f"/api/v1/partners/{partner}"
    before = admin.get(path).json()
    gone = admin.get(f"{path}/names/preview", params={"text": "Acme", "exclude": True}).json()
    assert gone["counts"] == {"new": 0, "lost": 4, "kept": 0}
    kept = admin.get(f"{path}/names/preview", params={"text": "Acme", "remove": True}).json()
    assert kept["counts"] == {"new": 0, "lost": 0, "kept": 4}, "its own name is looked for all the same"
    shielded = admin.get(f"{path}/names/preview", params={"text": "Acme workers", "exclude": True}).json()
    assert shielded["counts"] == {"new": 0, "lost": 2, "kept": 0}
    assert admin.get(path).json() == before
    assert admin.get(f"{path}/names/preview", params={"text": "  "}).status_code == 422


def test_what_people_said_is_not_about_the_partner_is_not_previewed_as_new(
    admin: httpx.Client, partner: str, correct: Correct
) -> None:
    correct("about", {"about": False}).raise_for_status()
    found = admin.get(f"/api/v1/partners/{partner}/names/preview", params={"text": "fraud probe"}).json()
    assert found["counts"] == {"new": 0, "lost": 0, "kept": 0}


@pytest.mark.parametrize("name", ["\u200b", " \u2060 \ufeff"])
def test_a_name_that_nobody_can_see_is_refused(admin: httpx.Client, partner: str, name: str) -> None:
    path = f"/api/v1/partners/{partner}"
    assert admin.get(f"{path}/names/preview", params={"text": name}).status_code == 422
    assert admin.post(f"{path}/names/review", json={"text": name, "answer": "by_itself"}).status_code == 422
    assert admin.post(f"{path}/aliases", json={"text": name}).status_code == 422


def test_a_version_is_chosen_and_let_go(site: Site, admin: httpx.Client) -> None:
    with site.services.db.write() as session:
        raw = shipped_models()["vi"].to_bytes()
        news_models.keep(session, "vi", raw, {"headlines": 900}, speaks=True, now=utc_now())
    (learned,) = admin.get("/api/v1/news-models").json()["items"]
    assert (learned["language"], learned["number"], learned["speaks"]) == ("vi", 1, True)
    shipped = admin.post("/api/v1/news-models/vi/choose", json={"number": 0}).json()
    assert (shipped["number"], shipped["speaks"], shipped["held_by"]) == (0, True, "token admin test")
    assert [one["speaks"] for one in admin.get("/api/v1/news-models").json()["items"]] == [False, True]
    assert admin.post("/api/v1/news-models/vi/release").status_code == 204
    assert admin.post("/api/v1/news-models/vi/release").status_code == 404
    assert admin.post("/api/v1/news-models/vi/choose", json={"number": 9}).status_code == 404
    assert admin.post("/api/v1/news-models/fr/choose", json={"number": 0}).status_code == 422
    with site.client(Role.VIEWER) as viewer:
        assert viewer.get("/api/v1/news-models").status_code == 403


def test_a_version_that_cannot_be_read_is_not_said_to_speak(site: Site, admin: httpx.Client) -> None:
    with site.services.db.write() as session:
        news_models.keep(session, "en", b"arrays", {}, speaks=True, now=utc_now())
    (broken,) = admin.get("/api/v1/news-models").json()["items"]
    assert broken["speaks"] is False
    assert "version 1 of en" in broken["unreadable"]
    shipped = admin.post("/api/v1/news-models/en/choose", json={"number": 0}).json()
    assert (shipped["speaks"], shipped["unreadable"]) == (True, None)
    again = admin.post("/api/v1/news-models/en/choose", json={"number": 1}).json()
    assert (again["speaks"], again["held_by"]) == (False, "token admin test")
    assert "version 1 of en" in again["unreadable"]


def test_a_denial_does_not_soften_the_bad_news_it_answers(admin: httpx.Client, partner: str, correct: Correct) -> None:
    """What an incident weighs is what its bad articles say; those that are not bad neither add nor take."""
    path, told = f"/api/v1/partners/{partner}/incidents", articles(admin, partner)
    before = next(one for one in admin.get(path).json()["items"] if one["event"] == "strike")
    correct("tone", {"label": "neutral"}).raise_for_status()
    correct("incident", {"with": told[TITLES[0]]["fact_id"]}).raise_for_status()
    after = next(one for one in admin.get(path).json()["items"] if one["articles"] == 3)
    assert (after["event"], after["weight"], after["tone"]) == ("strike", before["weight"], before["tone"])
    assert len(after["outlets"]) == len(before["outlets"]) + 1
