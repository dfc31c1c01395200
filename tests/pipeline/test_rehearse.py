"""Rehearsing a rule: what was said then is stepped through, judged by what went wrong, set beside what is active."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from assessed import assess, known_as, partner, report
from factories import messages
from sqlalchemy.orm import Session

from collectors.base import Key, Measure
from warden.db import Database
from warden.domain import LOCALES, AlertState, RuleState, Scope, Severity, Stage, Worth
from warden.models import Alert, Decision
from warden.pipeline import recorded, rehearse, said, tried
from warden.pipeline.hindsight import How, Tally
from warden.settings import Settings
from warden.store import assessments, partners, rule_settings, rule_versions, rules, shipped, spans, verdicts
from warden.wording import reader_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
SETTINGS = Settings()
LATE = {"condition": "late_rate > most", "parameters": {"most": 0.25}, "keep_firing_for_seconds": 0}


@pytest.fixture
def seeded(sqlite_db: Database) -> Database:
    with sqlite_db.write() as session:
        shipped.seed(session, NOW - 500 * DAY)
    return sqlite_db


def late(session: Session, name: str, rates: Mapping[int, float | None], **other: Any) -> uuid.UUID:
    """A partner of whom these late rates were said, by how many days ago."""
    who = partner(session, name, NOW - 400 * DAY, **other)
    for ago, rate in rates.items():
        assess(session, who, NOW - ago * DAY, late=rate)
    return who.id


def rehearsed(db: Database, changes: Mapping[str, Any] = {}, days: int = 365, key: str = "late_rate") -> dict[str, Any]:
    with db.read() as session:
        return rehearse.rehearse(session, SETTINGS, rules.by_key(session, key), {**LATE, **changes}, NOW, days)


def spells(found: Mapping[str, Any]) -> list[tuple[int, int | None]]:
    """(days ago it fired, days ago it resolved), oldest first."""
    ago = [
        tuple(
            None if one[name] is None else round((NOW - datetime.fromisoformat(one[name])) / DAY)
            for name in ("fired_at", "resolved_at")
        )
        for one in found["alerts"]
        if one["whose"] != "there"
    ]
    return sorted(ago, key=lambda spell: -(spell[0] or 0))


def alert(session: Session, rule_key: str, partner_id: uuid.UUID, ago: int, worth: Worth, over: int = 0) -> None:
    """An alert that fired so many days ago, and what somebody said of it."""
    rule = rules.by_key(session, rule_key)
    at = NOW - ago * DAY
    decision = Decision(
        key=f"{rule_key}/{partner_id}/{ago}", rule_id=rule.id, partner_id=partner_id, at=at,
        before=RuleState.OK, after=RuleState.FIRING, reason={"message": "m", "params": {}}, context={"late_rate": 0.3},
    )  # fmt: skip
    session.add(decision)
    session.flush()
    fired = Alert(
        rule_id=rule.id, partner_id=partner_id, decision_id=decision.id, severity=Severity.WARNING, fired_at=at,
        state=AlertState.RESOLVED, resolved_at=NOW - over * DAY,
    )  # fmt: skip
    session.add(fired)
    session.flush()
    verdicts.add(session, fired.id, worth, author="olga", via="page", now=NOW)


def test_it_says_when_it_would_have_fired_and_for_how_long(seeded: Database) -> None:
    with seeded.write() as session:
        late(session, "Acme", {200: 0.1, 150: 0.3, 120: 0.2, 60: 0.4})
        late(session, "Bolt", {200: 0.1, 100: 0.2})
    found = rehearsed(seeded)
    assert spells(found) == [(150, 120), (60, None)]
    assert (found["watched"], found["rows"], found["every"]) == (2, 6, 1)
    assert (found["this"]["alerts"], found["this"]["partners"], found["this"]["open_now"]) == (2, 1, 1)


def test_its_clocks_run_out_between_what_was_said(seeded: Database) -> None:
    with seeded.write() as session:
        late(session, "Acme", {200: 0.1, 150: 0.3, 120: 0.2})
    found = rehearsed(seeded, {"for_seconds": 7 * 86_400, "keep_firing_for_seconds": 10 * 86_400})
    assert spells(found) == [(143, 110)]


def test_what_stood_when_the_look_back_begins_is_shown_and_not_judged(seeded: Database) -> None:
    with seeded.write() as session:
        late(session, "Acme", {200: 0.3, 40: 0.1})
    found = rehearsed(seeded, days=90)
    assert spells(found) == [(90, 40)]
    assert (found["this"]["standing"], found["this"]["alerts"], found["this"]["partners"]) == (1, 0, 0)
    assert (found["both"], found["only_here"]) == (0, 0)
    assert {row["alerts"] for sweep in found["sweeps"] for row in sweep["rows"] if row["value"] == sweep["before"]} == {
        0
    }
    assert [fact["message"] for fact in found["summary"][:2]] == [rehearse.NEVER, rehearse.STANDING]


def test_what_fires_in_the_first_assessment_of_the_look_back_is_counted(seeded: Database) -> None:
    with seeded.write() as session:
        late(session, "Acme", {91: 0.1, 89: 0.3, 40: 0.1})
        late(session, "New", {30: 0.3, 20: 0.1})
        gone = late(session, "Back", {200: 0.3, 60: 0.3, 50: 0.1})
        for ago, stage in ((150, Stage.ENDED), (61, Stage.ACTIVE)):
            partners.change(session, partners.get(session, gone), {"stage": stage}, NOW - ago * DAY)
    found = rehearsed(seeded, days=90)
    assert spells(found) == [(89, 40), (60, 50), (30, 20)]
    assert (found["this"]["standing"], found["this"]["alerts"], found["this"]["partners"]) == (0, 3, 3)


def test_unknown_interrupts_and_opens_nothing_and_its_share_is_told(seeded: Database) -> None:
    with seeded.write() as session:
        late(session, "Acme", {100: 0.1, 50: None})
    found = rehearsed(seeded, days=100)
    assert found["this"]["alerts"] == 0
    assert found["this"]["unknown_share"] == pytest.approx(0.5)


def test_a_partner_no_longer_watched_ends_what_was_open(seeded: Database) -> None:
    with seeded.write() as session:
        acme = late(session, "Acme", {100: 0.1, 50: 0.3})
        partners.change(session, partners.get(session, acme), {"stage": Stage.ENDED}, NOW - 20 * DAY)
    assert spells(rehearsed(seeded)) == [(50, 20)]


def test_a_partner_watched_no_longer_when_the_look_back_begins_counts_for_nothing(seeded: Database) -> None:
    with seeded.write() as session:
        acme = late(session, "Acme", {300: 0.1, 250: 0.3})
        partners.change(session, partners.get(session, acme), {"stage": Stage.ENDED}, NOW - 200 * DAY)
        late(session, "Bolt", {300: 0.1})
    found = rehearsed(seeded, days=90)
    assert (spells(found), found["watched"], found["rows"]) == ([], 1, 1)
    assert (found["this"]["standing"], found["this"]["unknown_share"]) == (0, 0.0)


def test_settings_of_a_partner_hold_in_the_rehearsal_too(seeded: Database) -> None:
    with seeded.write() as session:
        ids = [late(session, name, {100: 0.1, 50: 0.3}) for name in ("Acme", "Bolt", "Cord")]
        rule = rules.by_key(session, "late_rate")
        rule_versions.put(session, rule, LATE, "olga", NOW)
        for place, (name, value) in enumerate((("most", 0.4), ("enabled", False))):
            rule_settings.add(
                session, rule, scope=Scope.PARTNER, subject=str(ids[place]), name=name, value=value,
                reason="They differ.", author="olga", now=NOW,
            )  # fmt: skip
    assert [one["partner"] for one in rehearsed(seeded)["alerts"]] == [str(ids[2])]


def test_alerts_before_what_people_called_right_are_right_and_the_lead_is_told(seeded: Database) -> None:
    with seeded.write() as session:
        acme = late(session, "Acme", {200: 0.1, 150: 0.3, 120: 0.2})
        alert(session, "band_high", acme, 140, Worth.USEFUL)
        alert(session, "band_high", acme, 30, Worth.TOO_LATE)
    found = rehearsed(seeded)
    [one] = [row for row in found["alerts"] if row["whose"] != "there"]
    assert (one["how"], one["kind"], one["lead_days"]) == ("right", "called_right", 10)
    assert found["incidents"] == [{"kind": "called_right", "told": 1, "late": 0, "missed": 1}]
    assert found["this"]["lead_days"] == 10


def test_a_grave_event_and_a_compliance_incident_are_things_that_went_wrong(seeded: Database) -> None:
    with seeded.write() as session:
        acme = partner(session, "Acme", NOW - 400 * DAY)
        known_as(session, acme, "acme", NOW - 400 * DAY)
        for ago, rate, serious in ((200, 0.1, 0.0), (150, 0.3, 0.0), (148, 0.3, 85.0), (120, 0.1, 0.0)):
            assess(session, acme, NOW - ago * DAY, late=rate, serious=serious)
    bad = Measure(
        identity="c", key=Key("supplier_code", "acme"), at=NOW - 60 * DAY, name="compliance_incident", value=1
    )
    report(seeded, [bad], NOW - 59 * DAY)
    found = rehearsed(seeded)
    assert found["incidents"] == [
        {"kind": "compliance", "told": 0, "late": 0, "missed": 1},
        {"kind": "serious_event", "told": 1, "late": 0, "missed": 0},
    ]
    assert [(one["how"], one["lead_days"]) for one in found["alerts"] if one["whose"] == "both"] == [("right", 2)]


def test_what_people_called_noise_is_false_and_what_nobody_can_judge_yet_is_open(seeded: Database) -> None:
    with seeded.write() as session:
        acme = late(session, "Acme", {200: 0.1, 150: 0.3, 120: 0.2, 20: 0.3})
        alert(session, "late_rate", acme, 150, Worth.NOISE, over=120)
    assert [one["how"] for one in rehearsed(seeded)["alerts"]] == ["open", "false"]


def test_without_one_alert_that_can_be_judged_nothing_is_said_of_false_alarms(seeded: Database) -> None:
    with seeded.write() as session:
        late(session, "Acme", {200: 0.1, 20: 0.3})
    found = rehearsed(seeded)
    assert [one["how"] for one in found["alerts"]] == ["open"]
    assert found["this"]["false_rate"] is None
    told = [fact["message"] for fact in found["summary"]]
    assert rehearse.NO_RATE in told
    assert rehearse.RATE not in told


def test_an_outcome_that_began_makes_an_alert_right_and_its_absence_a_false_one(seeded: Database) -> None:
    silent_from = 150
    told = [NOW - ago * DAY for ago in range(700, 0, -3) if not silent_from - 45 < ago <= silent_from]
    with seeded.write() as session:
        for name, ago in (("Acme", silent_from - 20), ("Bolt", 300)):
            who = partner(session, name, NOW - 720 * DAY)
            known_as(session, who, name.lower(), NOW - 720 * DAY)
            for days, ratio in ((ago + 30, 0.1), (ago, 1.2), (ago - 10, 0.1)):
                assess(session, who, NOW - days * DAY, silence=ratio)
    report(seeded, messages(told, key=Key("supplier_code", "acme")), NOW)
    report(seeded, messages([NOW - ago * DAY for ago in range(700, 0, -3)], key=Key("supplier_code", "bolt")), NOW)
    found = rehearsed(seeded, {"condition": "silence_ratio > 1.0", "parameters": {}}, days=400, key="gone_quiet")
    hows = {one["how"]: one for one in found["alerts"]}
    assert set(hows) == {"right", "false"}
    assert hows["right"]["kind"] == "silence"
    assert datetime.fromisoformat(found["known_until"]) < NOW


def test_it_is_set_beside_the_active_version(seeded: Database) -> None:
    with seeded.write() as session:
        late(session, "Acme", {200: 0.1, 150: 0.3, 120: 0.2, 60: 0.5})
        rule = rules.by_key(session, "late_rate")
        rule_versions.put(session, rule, {**LATE, "parameters": {"most": 0.4}}, "olga", NOW)
    found = rehearsed(seeded)
    assert (found["both"], found["only_here"], found["only_there"], found["active_number"]) == (1, 1, 0, 2)
    found = rehearsed(seeded, {"parameters": {"most": 0.4}})
    assert (found["active"], found["both"]) == (None, 0)  # it is the active one


def test_it_says_which_value_would_have_cut_the_noise_and_what_it_costs(seeded: Database) -> None:
    with seeded.write() as session:
        for number in range(3):
            who = late(session, f"Noisy {number}", {200: 0.1, 150: 0.3, 148: 0.2})
            alert(session, "late_rate", who, 150, Worth.NOISE, over=148)
        who = late(session, "Acme", {200: 0.1, 150: 0.6, 100: 0.2})
        alert(session, "band_high", who, 110, Worth.USEFUL, over=100)
    found = rehearsed(seeded)
    by_name = {sweep["name"]: sweep for sweep in found["sweeps"]}
    assert set(by_name) == {"most", "for_seconds"}
    rows = {row["value"]: (row["false"], row["right"]) for row in by_name["most"]["rows"]}
    assert rows[0.25] == (3, 1)
    assert rows[0.312] == (0, 1)
    assert by_name["most"]["advice"]["params"] == {
        "name": "most", "after": "0.312", "before": "0.25", "saved": 3, "false": 3,
    }  # fmt: skip
    waited = by_name["for_seconds"]["advice"]
    assert (waited["message"], waited["params"]["after"]) == (tried.WAIT_SPARES, 3)


def advised(found: Mapping[str, Any], name: str) -> Any:
    return next(sweep["advice"] for sweep in found["sweeps"] if sweep["name"] == name)


def test_a_wait_is_advised_with_what_it_takes_of_the_lead_and_not_in_the_summary_where_another_value_is_free(
    seeded: Database,
) -> None:
    with seeded.write() as session:
        for number in range(3):
            who = late(session, f"Noisy {number}", {200: 0.1, 150: 0.3, 148: 0.2})
            alert(session, "late_rate", who, 150, Worth.NOISE, over=148)
        who = late(session, "Acme", {200: 0.1, 150: 0.6, 120: 0.2})
        alert(session, "band_high", who, 144, Worth.USEFUL, over=130)
    found = rehearsed(seeded)
    wait = advised(found, "for_seconds")
    assert wait["params"]["after"] == 3, "after 7 days and more nothing is told beforehand any more"
    assert reader_of("en").fact(wait) == (
        "To wait 3 days instead of 0 would have saved 3 of 3 false alarms, at a price: 3 days ahead on the median "
        "instead of 6."
    )
    assert advised(found, "most")["message"] == tried.SPARES
    assert advised(found, "most") in found["summary"]
    assert wait not in found["summary"]


def test_a_value_with_which_fewer_are_told_beforehand_names_them_in_the_same_sentence(seeded: Database) -> None:
    with seeded.write() as session:
        for number in range(3):
            who = late(session, f"Noisy {number}", {200: 0.1, 150: 0.6, 148: 0.2})
            alert(session, "late_rate", who, 150, Worth.NOISE, over=148)
        for name, began in (("Acme", 140), ("Bolt", 149)):
            who = late(session, name, {200: 0.1, 150: 0.6, 120: 0.2})
            alert(session, "band_high", who, began, Worth.USEFUL, over=130)
    wait = advised(rehearsed(seeded, {"parameters": {"most": 0.5}}), "for_seconds")
    assert reader_of("en").fact(wait) == (
        "To wait 3 days instead of 0 would have saved 3 of 3 false alarms, at a price: of what went wrong it would "
        "have told 1 beforehand instead of 2."
    )


def tally(false: int, right: int, told: int, lead: float | None) -> Tally:
    leads = [] if lead is None else [lead]
    return Tally(Counter({How.FALSE: false, How.RIGHT: right}), leads, told=Counter({"silence": told}))


def test_a_value_that_costs_nothing_is_preferred_to_one_that_spares_more_for_a_price() -> None:
    values = {0.3: tally(6, 5, 5, 5.5), 0.4: tally(0, 4, 4, 6.0), 0.5: tally(0, 0, 0, None)}
    found = tried.advice("most", 0.25, values, tally(13, 5, 5, 6.0))
    assert found is not None
    assert (found["message"], found["params"]["after"], found["params"]["saved"]) == (tried.SPARES, "0.3", 7)
    assert tried.is_free(found)


def test_all_that_a_value_costs_is_told_in_one_sentence_in_every_language() -> None:
    found = tried.advice("most", 0.25, {0.4: tally(0, 4, 3, 2.0)}, tally(13, 5, 5, 6.0))
    assert found is not None
    assert not tried.is_free(found)
    assert reader_of("en").fact(found) == (
        "0.4 instead of 0.25 for most would have saved 13 of 13 false alarms, at a price: 1 of 5 that were right would "
        "be lost; of what went wrong it would have told 3 beforehand instead of 5; 2 days ahead on the median instead "
        "of 6."
    )
    said_ = {locale: reader_of(locale).fact(found) for locale in LOCALES}
    assert len(set(said_.values())) == len(LOCALES)
    assert not any("ahead" in text for locale, text in said_.items() if locale != "en")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ((0, 4, 5, 6.0), tried.COSTS),
        ((0, 5, 5, 5.0), tried.PRICED),
        ((0, 5, 5, 5.5), tried.SPARES),
        ((13, 5, 5, 6.0), None),
        ((12, 5, 4, 6.0), None),
        ((0, 5, 0, None), None),
    ],
)
def test_what_is_advised_of_one_other_value(other: tuple[int, int, int, float | None], message: str | None) -> None:
    found = tried.advice("most", 0.25, {0.4: tally(*other)}, tally(13, 5, 5, 6.0))
    assert (found and found["message"]) == message


def test_of_many_partners_some_are_looked_at_and_the_others_are_left_open(
    seeded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "MOST_JUDGED", 1)
    with seeded.write() as session:
        for name in ("Acme", "Bolt"):
            who = partner(session, name, NOW - 720 * DAY)
            known_as(session, who, name.lower(), NOW - 720 * DAY)
            for ago, rate in ((310, 0.1), (300, 0.3), (290, 0.1)):
                assess(session, who, NOW - ago * DAY, late=rate)
    for name in ("acme", "bolt"):
        told = [NOW - ago * DAY for ago in range(700, 0, -3)]
        report(seeded, messages(told, key=Key("supplier_code", name)), NOW)
    found = rehearsed(seeded)
    assert found["judged_every"] == 2
    assert sorted(one["how"] for one in found["alerts"] if one["whose"] == "both") == ["false", "open"]


def test_figures_no_assessment_holds_are_looked_up_as_they_were(seeded: Database) -> None:
    with seeded.write() as session:
        who = partner(session, "Acme", NOW - 400 * DAY)
        known_as(session, who, "acme", NOW - 400 * DAY)
        for ago in (100, 40, 10):
            assess(session, who, NOW - ago * DAY)
    bad = Measure(
        identity="c", key=Key("supplier_code", "acme"), at=NOW - 60 * DAY, name="compliance_incident", value=1
    )
    report(seeded, [bad], NOW - 59 * DAY)
    found = rehearsed(seeded, {"condition": "compliance_incidents >= 1.0", "parameters": {}})
    assert spells(found) == [(40, None)]
    assert found["looked_up_days"] == 7


def test_a_long_past_is_thinned_and_says_so(seeded: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearse, "MOST_ROWS", 10)
    with seeded.write() as session:
        late(session, "Acme", dict.fromkeys(range(100, 0, -3), 0.1))
    found = rehearsed(seeded)
    assert found["every"] == 4
    assert found["rows"] <= 10
    assert any(fact["message"] == rehearse.EVERY_NOTE for fact in found["notes"])


def test_of_too_many_partners_one_in_so_many_is_looked_at_and_each_of_these_wholly(
    seeded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearse, "MOST_ROWS", 10)
    monkeypatch.setattr(said, "MOST_PARTNERS", 2)
    with seeded.write() as session:
        for name in ("Acme", "Bolt", "Core", "Dyne", "Echo", "Flux"):
            who = partner(session, name, NOW - 720 * DAY)
            known_as(session, who, name.lower(), NOW - 720 * DAY)
            for ago, rate in ((310, 0.1), (300, 0.3), (290, 0.1)):
                assess(session, who, NOW - ago * DAY, late=rate)
    for name in ("acme", "bolt", "core", "dyne", "echo", "flux"):
        told = [NOW - ago * DAY for ago in range(700, 0, -3)]
        report(seeded, messages(told, key=Key("supplier_code", name)), NOW)
    found = rehearsed(seeded)
    assert (found["partners_every"], found["every"], found["watched"], found["rows"]) == (3, 1, 2, 6)
    assert [one["how"] for one in found["alerts"] if one["whose"] == "both"] == ["false", "false"], "they are judged"
    assert any(fact["message"] == rehearse.PARTNERS_NOTE for fact in found["notes"])


def test_nothing_is_read_of_the_time_after_now_and_before_the_span_only_what_held_at_its_start(db: Database) -> None:
    with db.write() as session:
        shipped.seed(session, NOW - 500 * DAY)
        acme = late(session, "Acme", {200: 0.3, 100: 0.2, 50: 0.1, -5: 0.9})
    with db.read() as session:
        span = said.span_of(session, NOW - 90 * DAY, NOW, 1000)
        [[one]] = said.read(session, span, ["late_rate", "tier"])
    assert (one.partner_id, [moment.seen for moment in one.moments]) == (acme, [(0.2, "standard"), (0.1, "standard")])
    assert [moment.at for moment in one.moments] == [NOW - 90 * DAY, NOW - 50 * DAY]


def test_signals_are_read_without_what_rules_do_not_look_at(db: Database) -> None:
    with db.write() as session:
        shipped.seed(session, NOW - 500 * DAY)
        acme = late(session, "Acme", {200: 0.3, 100: 0.2})
        whole = [row.signals for row in assessments.history(session, acme)]
    with db.read() as session:
        found = [row.signals for row in spans.assessments(session, [acme], NOW - 150 * DAY, NOW)]
    gone = {"evidence", "facts", "contributions"}
    assert found == [[{k: v for k, v in one.items() if k not in gone} for one in signals] for signals in whole]


def test_a_rehearsal_is_kept_beside_the_version_it_is_about(seeded: Database) -> None:
    with seeded.write() as session:
        late(session, "Acme", {200: 0.1, 150: 0.3})
        rule = rules.by_key(session, "late_rate")
        number = rule_versions.draft(session, rule, "olga", NOW, changes=LATE).number
    found = rehearse.run(seeded, SETTINGS, rule.id, number, NOW)
    with seeded.read() as session:
        kept = rule_versions.get(session, rule.id, number)
        assert (kept.rehearsal, kept.rehearsed_at) == (found, NOW)
        assert assessments.latest(session, uuid.uuid4()) is None


def test_nothing_said_is_told_as_nothing_and_not_as_no_alert(seeded: Database) -> None:
    found = rehearsed(seeded)
    assert [fact["message"] for fact in found["summary"]] == [rehearse.NOTHING]
    assert found["this"]["unknown_share"] is None
    assert found["this"]["false_rate"] is None


@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_is_said_in_every_language(seeded: Database, locale: str) -> None:
    with seeded.write() as session:
        who = late(session, "Acme", {200: 0.1, 150: 0.3, 120: 0.2})
        alert(session, "late_rate", who, 150, Worth.NOISE, over=120)
    found = rehearsed(seeded)
    reader = reader_of(locale)
    said_: Sequence[str] = [reader.fact(fact) for fact in [*found["summary"], *found["notes"]]]
    assert all(said_)
    if locale != "en":
        english = [reader_of("en").fact(fact) for fact in [*found["summary"], *found["notes"]]]
        assert not set(said_) & set(english)
