"""What people set enters an assessment from the moment it holds until it ends: criteria, overrides, matrix, models."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest
from assessed import known_as, partner, report, year_of_facts
from sqlalchemy.orm import Session

from scorers import learning as lessons
from warden import plugins
from warden.db import Database
from warden.domain import Quantity, Scope
from warden.models import Assessment, Partner
from warden.pipeline import assess, moves
from warden.settings import Settings
from warden.store import assessments, criteria, learning, matrices, overrides, partners, shipped
from warden.store.assessments import AssessmentDraft

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
BEGAN = NOW - 500 * DAY
SETTINGS = Settings()
IMPACT: dict[str, Any] = {"annual_value": 1000, "currency": "EUR", "share": 0.2, "months_to_replace": 9.0}
AUTHOR, REASON = "olga@us.example", "they told us so"
HIGH_BAR = {"at_least": 0.9, "at_most": 0.9}


@pytest.fixture
def watched(db: Database) -> Database:
    """Key and Plain deliver late alike, and differ in tier alone; Thin has no facts."""
    with db.write() as session:
        shipped.seed(session, BEGAN)
        for name, tier in (("Key", "key"), ("Plain", "standard")):
            known_as(session, partner(session, name, BEGAN, tier=tier, **IMPACT), name.lower(), BEGAN)
        partner(session, "Thin", BEGAN, tier="key", **IMPACT)
    for code in ("key", "plain"):
        report(db, year_of_facts(code, NOW, late_from=40), NOW)
    return db


def said(db: Database, at: datetime) -> dict[str, Assessment]:
    """Assess, and return what stands of every partner then, by name."""
    assess.run(db, SETTINGS, at)
    with db.read() as session:
        return {name: assessments.latest_of_all(session, at, [one])[0] for one, name in partners.names(session)}


def computed(db: Database, name: str, as_of: datetime, known_at: datetime | None = None) -> AssessmentDraft:
    with db.read() as session:
        found = partners.by_name(session, name)
        assert found is not None
        return assess.compute(session, SETTINGS, as_of, known_at or as_of, [found.id])[0]


def write(db: Database, work: Callable[[Session], Any]) -> Any:
    with db.write() as session:
        return work(session)


def named(session: Session, name: str) -> Partner:
    found = partners.by_name(session, name)
    assert found is not None
    return found


def signal(row: Assessment | AssessmentDraft, name: str) -> dict[str, Any]:
    return next(one for one in row.signals if one["name"] == name)


def overridden(db: Database, name: str, quantity: Quantity, value: float, until: datetime, now: datetime) -> None:
    write(db, lambda session: overrides.add(session, named(session, name), quantity, value, AUTHOR, REASON, until, now))


# --- criteria ---------------------------------------------------------------------------------------------------------


def test_a_criterion_counts_for_whom_it_is_set_from_when_it_is_set(watched: Database) -> None:
    before = said(watched, NOW)
    write(
        watched,
        lambda session: criteria.put(
            session, "late_share", Scope.TIER, "Key", HIGH_BAR, AUTHOR, "", NOW + timedelta(hours=1)
        ),
    )
    after = said(watched, NOW + timedelta(hours=2))
    assert signal(after["Key"], "late_share")["outcome"]["at_least"] == 0.9
    assert signal(after["Plain"], "late_share") == signal(before["Plain"], "late_share")
    assert signal(after["Key"], "late_share")["likelihood"] < signal(before["Key"], "late_share")["likelihood"]
    then = computed(watched, "Key", NOW, NOW)
    assert then.signals == before["Key"].signals
    assert signal(computed(watched, "Key", NOW, NOW + DAY), "late_share")["outcome"]["at_least"] == 0.9


def test_an_outcome_switched_off_says_nothing_and_is_not_missed(watched: Database) -> None:
    before = said(watched, NOW)
    off = {"enabled": False}
    write(watched, lambda session: criteria.put(session, "late_share", Scope.PORTFOLIO, "", off, AUTHOR, "", NOW))
    for name in ("Key", "Plain"):
        row = said(watched, NOW + DAY)[name]
        late = signal(row, "late_share")
        assert (late["likelihood"], late["share"], late["expected"], late["over"]) == (None, 0.0, False, False)
        assert late["unknown"]["message"] == "this outcome is switched off for this partner"
        assert late["measured"]["late_rate"] is not None  # a fact, whatever is asked
        assert row.coverage == 1.0
        assert row.likelihood < before[name].likelihood


def test_nothing_is_said_with_every_outcome_switched_off_and_that_is_the_reason(watched: Database) -> None:
    def switch_off(*names: str) -> None:
        with watched.write() as session:
            for name in names:
                criteria.put(session, name, Scope.PORTFOLIO, "", {"enabled": False}, AUTHOR, "", NOW)

    def why(at: datetime) -> str:
        return str((said(watched, at)["Key"].not_rated or {})["params"]["why"]["message"])

    heard = [one["name"] for one in said(watched, NOW)["Key"].signals if one["expected"]]
    switch_off(*heard)
    assert why(NOW + DAY) == "nobody reports on the outcomes that are switched on for this partner"
    switch_off(*(scorer.name for scorer in plugins.scorers()))
    assert why(NOW + 2 * DAY) == "every outcome is switched off for this partner"


def test_levels_may_begin_elsewhere_for_one_partner(watched: Database) -> None:
    before = said(watched, NOW)
    assert before["Key"].likelihood_level == before["Plain"].likelihood_level
    starts = {"likelihood": [0.0, 0.9, 0.92, 0.94, 0.96], "exit_margin": 0.0}
    write(
        watched,
        lambda session: criteria.put(
            session, "placement", Scope.PARTNER, str(named(session, "Key").id), starts, AUTHOR, "", NOW
        ),
    )
    after = said(watched, NOW + timedelta(hours=1))
    assert after["Key"].likelihood == before["Key"].likelihood
    assert (after["Key"].likelihood_level, after["Plain"].likelihood_level) == (1, before["Plain"].likelihood_level)


def test_the_coverage_needed_may_differ_by_tier(watched: Database) -> None:
    floor = {"coverage_floor": 0.0}
    assert said(watched, NOW)["Thin"].not_rated is not None
    write(watched, lambda session: criteria.put(session, "placement", Scope.TIER, "key", floor, AUTHOR, "", NOW))
    thin = said(watched, NOW + DAY)["Thin"]
    assert thin.likelihood is None  # nothing is known at all, and no floor makes something of it
    assert thin.not_rated["params"]["floor_share"] == 0.0


# --- overrides --------------------------------------------------------------------------------------------------------


def test_an_override_stands_beside_what_is_computed_until_it_expires(watched: Database) -> None:
    before = said(watched, NOW)["Key"]
    until = NOW + 10 * DAY
    overridden(watched, "Key", Quantity.LIKELIHOOD, 0.97, until, NOW + timedelta(hours=1))
    for at in (NOW + timedelta(hours=1), NOW + 5 * DAY, until - timedelta(seconds=1)):  # it never vanishes
        row = said(watched, at)["Key"]
        assert (row.likelihood, row.likelihood_level) == (0.97, 5)
        assert row.computed_likelihood == pytest.approx(before.likelihood, abs=0.2)
        (told,) = row.overrides
        assert (told["quantity"], told["value"], told["author"], told["reason"]) == ("likelihood", 0.97, AUTHOR, REASON)
        assert told["computed"] == row.computed_likelihood
        assert told["expires_at"] == until.isoformat()
    after = said(watched, until)["Key"]
    assert after.likelihood == after.computed_likelihood != 0.97
    assert after.overrides == []
    assert (
        after.likelihood_level == computed(watched, "Plain", until).likelihood_level
    )  # the exit margin does not hold it


def test_an_override_that_was_withdrawn_held_until_then(watched: Database) -> None:
    overridden(watched, "Key", Quantity.IMPACT, 1.0, NOW + 30 * DAY, NOW)
    held = said(watched, NOW + DAY)["Key"]
    assert (held.impact, held.impact_level) == (1.0, 1)
    assert held.computed_impact is not None
    write(
        watched,
        lambda session: overrides.withdraw(
            session, held.partner_id, overrides.listing(session, held.partner_id)[0].id, AUTHOR, NOW + 2 * DAY
        ),
    )
    assert said(watched, NOW + 3 * DAY)["Key"].impact == held.computed_impact
    assert computed(watched, "Key", NOW + DAY).impact == 1.0
    assert computed(watched, "Key", NOW + DAY, NOW + 3 * DAY).impact == 1.0  # it did hold, as we know now, too


def test_a_person_may_place_whom_nobody_reports_on(watched: Database) -> None:
    assert said(watched, NOW)["Thin"].band is None
    overridden(watched, "Thin", Quantity.LIKELIHOOD, 0.7, NOW + DAY, NOW)
    row = said(watched, NOW + timedelta(hours=1))["Thin"]
    assert (row.likelihood, row.computed_likelihood, row.likelihood_level) == (0.7, None, 4)
    assert row.band is not None
    assert row.not_rated is None
    assert "silence" not in row.reach.get("missing", [])  # what a person said is not open


# --- levels -----------------------------------------------------------------------------------------------------------


def two_levels(start: float, margin: float) -> dict[str, Any]:
    return {"likelihood": [0.0, *(start + (0.999 - start) * step / 4 for step in range(4))], "exit_margin": margin}


@pytest.mark.parametrize(("margin", "levels"), [(1.0, [2, 2, 1]), (0.0, [2, 1, 1])])
def test_a_level_is_entered_at_once_and_left_beyond_the_margin(
    watched: Database, margin: float, levels: list[int]
) -> None:
    """Its likelihood stays, and the level's start moves: just below it, a little above it, far above it."""
    likelihood = computed(watched, "Key", NOW).likelihood
    assert likelihood is not None
    found = []
    for hours, above in enumerate((-0.01, 0.05, 0.9 * (1 - likelihood))):
        at = NOW + timedelta(hours=hours)
        data = two_levels(likelihood + above, margin)
        write(watched, lambda session, data=data, at=at: criteria.put(
            session, "placement", Scope.PORTFOLIO, "", data, AUTHOR, "", at
        ))  # fmt: skip
        found.append(said(watched, at)["Key"].likelihood_level)
    assert found == levels


def test_another_version_of_the_matrix_places_everybody_afresh(watched: Database) -> None:
    first = said(watched, NOW)["Key"]
    data = json.loads((resources.files("warden") / "shipped" / "matrix.json").read_text("utf-8"))
    for level, start in zip(data["levels"]["likelihood"][1:], (0.9, 0.92, 0.94, 0.96), strict=True):
        level["from"] = start
    write(watched, lambda session: matrices.draft(session, data, AUTHOR, NOW))
    assert said(watched, NOW + timedelta(hours=1))["Key"].matrix_version == 1  # a draft places nobody
    write(watched, lambda session: matrices.activate(session, 2, AUTHOR, NOW + timedelta(hours=2)))
    row = said(watched, NOW + timedelta(hours=3))["Key"]
    assert (row.matrix_version, row.likelihood) == (2, first.likelihood)
    assert row.likelihood_level == 1 < first.likelihood_level
    assert computed(watched, "Key", NOW).matrix_version == 1
    assert computed(watched, "Key", NOW, NOW + DAY).matrix_version == 2


def test_a_matrix_with_the_same_likelihood_levels_moves_nobody(watched: Database) -> None:
    data = held_by_the_margin(watched)
    data["grid"][1] = list(reversed(data["grid"][1]))
    made = write(watched, lambda session: matrices.draft(session, data, AUTHOR, NOW))
    with watched.read() as session:
        found = moves.preview(session, made, NOW + timedelta(hours=3))
    assert {move.after.likelihood for move in found.moves if move.after and move.name == "Key"} <= {2}
    assert ("impact", 2, 4) in found.milder_steps
    write(watched, lambda session: matrices.activate(session, made.version, AUTHOR, NOW + timedelta(hours=3)))
    row = said(watched, NOW + timedelta(hours=4))["Key"]
    assert (row.matrix_version, row.likelihood_level) == (made.version, 2)  # held, as on the version before


def test_who_moves_since_the_margin_holds_no_longer_is_told_so(watched: Database) -> None:
    data = held_by_the_margin(watched)
    data["levels"]["likelihood"][4]["from"] = 0.9995
    made = write(watched, lambda session: matrices.draft(session, data, AUTHOR, NOW))
    with watched.read() as session:
        found = moves.preview(session, made, NOW + timedelta(hours=3))
    (key,) = (move for move in found.moves if move.name == "Key")
    assert key.before is not None
    assert (key.before.likelihood, [one["message"] for one in key.reasons]) == (2, [moves.MARGIN_MESSAGE])


def held_by_the_margin(db: Database) -> dict[str, Any]:
    """Let Key stand on level 2 of a matrix by the exit margin alone, and return the matrix."""
    likelihood = computed(db, "Key", NOW).likelihood
    assert likelihood is not None
    data: dict[str, Any] = json.loads((resources.files("warden") / "shipped" / "matrix.json").read_text("utf-8"))
    starts = (likelihood + 0.01, 0.998, 0.9985, 0.999)
    for level, start in zip(data["levels"]["likelihood"][1:], starts, strict=True):
        level["from"] = start
    made = write(db, lambda session: matrices.draft(session, data, AUTHOR, NOW))
    write(db, lambda session: matrices.activate(session, made.version, AUTHOR, NOW))
    with db.read() as session:
        key = named(session, "Key").id
    lower = {"likelihood": [0.0, likelihood - 0.01, *starts[1:]]}
    lowered = put_placement(db, str(key), lower, NOW + timedelta(minutes=1))
    assert said(db, NOW + timedelta(hours=1))["Key"].likelihood_level == 2
    write(db, lambda session: criteria.end(session, lowered, AUTHOR, NOW + timedelta(hours=1)))
    assert said(db, NOW + timedelta(hours=2))["Key"].likelihood_level == 2
    return data


def put_placement(db: Database, subject: str, data: dict[str, Any], at: datetime) -> Any:
    with db.write() as session:
        return criteria.put(session, "placement", Scope.PARTNER, subject, data, AUTHOR, "", at).id


# --- models -----------------------------------------------------------------------------------------------------------


def test_a_learned_model_speaks_from_when_it_was_learned(watched: Database) -> None:
    before = said(watched, NOW)["Key"]
    scorer = next(one for one in plugins.scorers() if one.name == "late_share")
    why = {"message": lessons.RECALIBRATED_MESSAGE, "params": {"positives": 60, "needed": 100}}
    lesson = lessons.Lesson("recalibrated", lessons.Model(-1.0, 0.5).arrays(), {"why": why, "positives": 60})
    write(watched, lambda session: learning.keep(session, scorer, lesson, NOW + timedelta(hours=1)))
    after = said(watched, NOW + timedelta(hours=2))["Key"]
    assert signal(after, "late_share")["model"] == {"form": "recalibrated", "number": 1, "why": why}
    assert signal(after, "late_share")["likelihood"] != signal(before, "late_share")["likelihood"]
    assert computed(watched, "Key", NOW).signals == before.signals
    assert signal(computed(watched, "Key", NOW, NOW + DAY), "late_share")["model"]["number"] == 1


def test_what_was_learned_for_another_version_of_a_scorer_stays_silent(watched: Database) -> None:
    before = said(watched, NOW)["Key"]
    scorer = next(one for one in plugins.scorers() if one.name == "late_share")
    lesson = lessons.Lesson("recalibrated", lessons.Model(-1.0, 0.5).arrays(), {"why": None, "positives": 60})

    def keep_older(session: Session) -> None:
        learning.keep(session, scorer, lesson, NOW)
        learning.in_force(session, NOW)["late_share"].version = "0"

    write(watched, keep_older)
    after = signal(said(watched, NOW + timedelta(hours=1))["Key"], "late_share")
    assert after["likelihood"] == signal(before, "late_share")["likelihood"]
    assert after["model"]["form"] == "default"
    assert after["model"]["why"]["message"] == lessons.OTHER_VERSION_MESSAGE
