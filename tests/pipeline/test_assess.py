"""Assessing on a real database: what is said, why it adds up, and when nothing is said."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from assessed import headlines, known_as, partner, report, year_of_facts

from collectors.base import Key, Measure
from warden import plugins
from warden.db import Database
from warden.domain import Stage
from warden.models import Assessment, Fact, Partner
from warden.pipeline import assess
from warden.settings import Settings
from warden.store import assessments, identifiers, outcomes, partners, shipped

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
BEGAN = NOW - 500 * DAY
"""Since when the partners are known: facts of before they were would be nobody's then."""
SETTINGS = Settings()
IMPACT: dict[str, Any] = {
    "annual_value": 1000,
    "currency": "EUR",
    "share": 0.2,
    "months_to_replace": 9.0,
    "tier": "key",
}


@pytest.fixture
def watched(db: Database) -> Database:
    """Steady is well; Late delivers late; Quiet fell silent; Bare has no impact attributes; Thin has no facts."""
    with db.write() as session:
        shipped.seed(session, BEGAN)
        for name in ("Steady", "Late", "Quiet"):
            known_as(session, partner(session, name, BEGAN, **IMPACT), name.lower(), BEGAN)
        known_as(session, partner(session, "Bare", BEGAN, tier="?"), "bare", BEGAN)
        partner(session, "Thin", BEGAN, **IMPACT)
        known_as(session, partner(session, "Over", BEGAN, stage=Stage.ENDED), "over", BEGAN)
    report(db, year_of_facts("steady", NOW) + year_of_facts("over", NOW) + year_of_facts("bare", NOW), NOW)
    report(db, year_of_facts("late", NOW, late_from=80) + year_of_facts("quiet", NOW, silent_for=60), NOW)
    return db


def said(db: Database, now: datetime = NOW) -> dict[str, Assessment]:
    """The last assessment of every watched partner, by name."""
    with db.read() as session:
        names = {row.id: row.name for row in session.query(Partner)}
        return {names[row.partner_id]: row for row in assessments.latest_of_all(session, now)}


def by_name(signals: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {signal["name"]: signal for signal in signals}


def test_each_watched_partner_is_assessed_and_only_these(watched: Database) -> None:
    assert assess.run(watched, SETTINGS, NOW) == 5
    assert set(said(watched)) == {"Steady", "Late", "Quiet", "Bare", "Thin"}


def test_contributions_and_shares_add_up(watched: Database) -> None:
    report(watched, headlines("Late", NOW), NOW)
    assess.run(watched, SETTINGS, NOW)
    for row in said(watched).values():
        shares = math.fsum(signal["share"] for signal in row.signals)
        for signal in row.signals:
            likelihood = signal["likelihood"]
            if likelihood is None:
                assert (signal["share"], signal["contributions"]) == (0.0, {})
                assert signal["unknown"]["message"]
                continue
            assert signal["share"] == pytest.approx(-math.log1p(-likelihood), abs=1e-9)
            logit = math.log(likelihood) - math.log1p(-likelihood)
            assert math.fsum(signal["contributions"].values()) == pytest.approx(logit, abs=1e-9)
        if row.likelihood is not None:
            assert shares == pytest.approx(-math.log1p(-row.computed_likelihood), abs=1e-9)


def test_trouble_ranks_above_calm_and_says_why(watched: Database) -> None:
    assess.run(watched, SETTINGS, NOW)
    rows = said(watched)
    calm, late, quiet = (rows[name].likelihood or 0.0 for name in ("Steady", "Late", "Quiet"))
    assert calm < late
    assert calm < quiet
    silence = by_name(rows["Quiet"].signals)["silence"]
    assert silence["measured"]["days_silent"] == pytest.approx(62, abs=2)
    assert silence["evidence"][0]["params"]["days_silent"] == silence["measured"]["days_silent"]


def test_each_signal_states_its_outcome_and_who_speaks(watched: Database) -> None:
    assess.run(watched, SETTINGS, NOW)
    for row in said(watched).values():
        assert [signal["name"] for signal in row.signals] == [scorer.name for scorer in plugins.scorers()]
        for signal, scorer in zip(row.signals, plugins.scorers(), strict=True):
            assert signal["outcome"] == scorer.Options().model_dump()
            assert (signal["family"], signal["version"]) == (scorer.family, scorer.version)
            assert signal["model"]["form"] == "default"
            assert signal["model"]["why"]["message"]


def test_the_state_of_each_outcome_is_a_row_that_is_kept_up(watched: Database) -> None:
    assess.run(watched, SETTINGS, NOW)
    assess.run(watched, SETTINGS, NOW + 3 * DAY)
    for row in said(watched, NOW + 3 * DAY).values():
        with watched.read() as session:
            states = {one.outcome: one for one in outcomes.of(session, row.partner_id)}
        for signal in row.signals:
            state = states.pop(signal["name"])
            assert state.at == row.at
            assert (state.likelihood, state.sample) == (signal["likelihood"], signal["sample"])
            assert (state.state, state.version) == (signal["state"], signal["version"])
            assert (state.horizon_days, state.model) == (signal["outcome"]["horizon_days"], None)
        assert not states


def test_the_states_of_outcomes_never_go_back_in_time(watched: Database) -> None:
    assess.run(watched, SETTINGS, NOW + 3 * DAY)
    assess.run(watched, SETTINGS, NOW)
    with watched.read() as session:
        rows = [state for row in said(watched).values() for state in outcomes.of(session, row.partner_id)]
    assert {state.at for state in rows} == {NOW + 3 * DAY}


def test_the_facts_behind_a_signal_are_named_newest_first(watched: Database) -> None:
    assess.run(watched, SETTINGS, NOW)
    signals = by_name(said(watched)["Steady"].signals)
    with watched.read() as session:
        for name, kind in (("silence", "message"), ("late_share", "delivery")):
            found = [session.get_one(Fact, number) for number in signals[name]["facts"]]
            assert len(found) == 20
            assert {fact.kind.value for fact in found} == {kind}
            moments = [fact.observed_at for fact in found]
            assert moments == sorted(moments, reverse=True)
            assert moments[0] >= NOW - 8 * DAY


def test_of_measures_those_that_a_signal_rests_on_are_named(watched: Database) -> None:
    key = Key("supplier_code", "steady")
    for name, values in (("satisfaction", (4.0, 3.5, 4.5)), ("milestone", (1.0, 1.0, 0.0, 1.0)), ("other", (7.0,))):
        told = [
            Measure(identity=f"{name}/{age}", key=key, at=NOW - (10 + age) * DAY, name=name, value=value)
            for age, value in enumerate(values)
        ]
        report(watched, told, NOW)
    assess.run(watched, SETTINGS, NOW)
    signals = by_name(said(watched)["Steady"].signals)
    with watched.read() as session:
        for signal, name, count in (("satisfaction", "satisfaction", 3), ("milestones", "milestone", 4)):
            found = [session.get_one(Fact, number) for number in signals[signal]["facts"]]
            assert [fact.name for fact in found] == [name] * count
            assert [fact.observed_at for fact in found] == [NOW - (10 + age) * DAY for age in range(count)]
    assert by_name(said(watched)["Late"].signals)["satisfaction"]["facts"] == []


def test_facts_of_before_the_history_that_is_read_are_not_named(watched: Database) -> None:
    key, old = Key("supplier_code", "steady"), NOW - (SETTINGS.history_days + 10) * DAY
    for at in (old, NOW - 10 * DAY, NOW - 40 * DAY, NOW - 70 * DAY):
        report(watched, [Measure(identity=f"{at}", key=key, at=at, name="satisfaction", value=4.0)], NOW)
    assess.run(watched, SETTINGS, NOW)
    with watched.read() as session:
        numbers = by_name(said(watched)["Steady"].signals)["satisfaction"]["facts"]
        found = [session.get_one(Fact, number).observed_at for number in numbers]
    assert found == [NOW - days * DAY for days in (10, 40, 70)]


def test_facts_are_named_of_whom_they_were_then(watched: Database) -> None:
    assess.run(watched, SETTINGS, NOW)
    row = said(watched)["Steady"]
    with watched.write() as session:
        steady = partners.get(session, row.partner_id)
        identifiers.remove_identifier(session, steady, steady.identifiers[0].id, NOW + DAY)
    with watched.read() as session:
        (then,) = assess.compute(session, SETTINGS, NOW, NOW, [row.partner_id])
        (now,) = assess.compute(session, SETTINGS, NOW, NOW + 2 * DAY, [row.partner_id])
    assert then.signals == row.signals
    assert all(signal["facts"] == [] for signal in now.signals)


def test_too_little_known_is_not_rated_and_says_why(watched: Database) -> None:
    assess.run(watched, SETTINGS, NOW)
    thin = said(watched)["Thin"]
    assert (thin.likelihood, thin.band, thin.likelihood_level) == (None, None, None)
    assert thin.impact is not None
    assert thin.not_rated is not None
    assert thin.not_rated["params"]["coverage_share"] == thin.coverage == 0.0
    assert thin.not_rated["params"]["why"]["message"] in {
        by_name(thin.signals)[name]["unknown"]["message"] for name in ("silence", "late_share")
    }


def test_an_unknown_impact_is_not_rated_though_the_likelihood_is_known(watched: Database) -> None:
    assess.run(watched, SETTINGS, NOW)
    bare = said(watched)["Bare"]
    assert bare.likelihood is not None
    assert bare.likelihood_level is not None
    assert (bare.impact, bare.impact_level, bare.band) == (None, None, None)
    assert bare.not_rated == {"message": "impact is not known: too few of its attributes are given", "params": {}}


def test_below_the_coverage_floor_nobody_is_rated(watched: Database) -> None:
    assess.run(watched, Settings(coverage_floor=1.0), NOW)
    report(watched, headlines("Late", NOW), NOW)  # from now on news is expected of everybody
    assess.run(watched, Settings(coverage_floor=1.0), NOW + DAY)
    rows = said(watched, NOW + DAY)
    assert rows["Late"].band is not None
    assert rows["Steady"].band is None
    assert rows["Steady"].coverage < 1.0


def test_a_quiet_tick_writes_nothing(watched: Database) -> None:
    report(watched, headlines("Late", NOW), NOW)
    assert assess.run(watched, SETTINGS, NOW) == 5
    assert assess.run(watched, SETTINGS, NOW) == 0
    assert assess.run(watched, SETTINGS, NOW + timedelta(hours=1)) == 0


def test_computing_reads_and_never_writes(watched: Database) -> None:
    assess.run(watched, SETTINGS, NOW)
    rows = said(watched)
    with watched.read() as session:
        drafts = assess.compute(session, SETTINGS, NOW, NOW)
        one = assess.compute(session, SETTINGS, NOW, NOW, [rows["Late"].partner_id])
    assert {draft.partner_id: draft.signals for draft in drafts} == {
        row.partner_id: row.signals for row in rows.values()
    }
    assert [draft.signals for draft in one] == [rows["Late"].signals]  # scored among all, written out alone
    with watched.read() as session:
        assert assess.compute(session, SETTINGS, NOW - 400 * DAY, NOW, [rows["Late"].partner_id])[0].likelihood is None
        assert session.query(Assessment).count() == len(rows)


def test_what_was_not_known_then_does_not_count_then(watched: Database) -> None:
    with watched.read() as session:
        drafts = assess.compute(session, SETTINGS, NOW, NOW - DAY)
        assert len(drafts) == 5
        assert {draft.likelihood for draft in drafts} == {None}
        assert assess.compute(session, SETTINGS, NOW, BEGAN - DAY) == []


def test_what_could_still_be_is_shown_while_something_is_missing(watched: Database) -> None:
    report(watched, headlines("Late", NOW), NOW)  # from now on news is expected of everybody
    assess.run(watched, SETTINGS, NOW)
    rows = said(watched)
    for name, missing in (
        ("Steady", ["tone", "single_source", "contract_end"]),
        ("Late", ["single_source", "contract_end"]),
    ):
        reach, row = rows[name].reach, rows[name]
        assert reach["missing"] == missing
        assert reach["likelihood"][0] <= row.likelihood <= reach["likelihood"][1]
        assert reach["impact"][0] <= row.impact <= reach["impact"][1]
        assert [row.likelihood_level, row.impact_level] in reach["cells"]
        assert (reach["likelihood"][0] < reach["likelihood"][1]) == ("tone" in missing)
    thin = rows["Thin"].reach
    assert thin["missing"][:3] == ["late_share", "silence", "tone"]
    assert len({cell[0] for cell in thin["cells"]}) > 2  # of a partner nobody heard of, nearly all is possible


def test_an_empty_portfolio_is_no_error(db: Database) -> None:
    with db.write() as session:
        shipped.seed(session, NOW)
    assert assess.run(db, SETTINGS, NOW) == 0
