"""Verdicts: the newest word of each author counts, most authors are followed, shares come with their uncertainty."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from assessed import partner
from factories import DAY, NOW
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import AlertState, RuleState, Severity, Stage, Worth
from warden.errors import Conflict, NotFound
from warden.models import Alert, Decision
from warden.pipeline import counsel
from warden.rules.advice import WAIT
from warden.store import destinations, partners, rules, shipped, verdicts
from warden.vault import Vault


@pytest.fixture
def seeded(db: Database) -> Database:
    with db.write() as session:
        shipped.seed(session, NOW)
        partner(session, "Acme", NOW - 365 * DAY)
    return db


SEEN = {"late_rate": 0.3}


def turn(
    session: Session, at: datetime, before: RuleState, after: RuleState, values: Mapping[str, Any], rule_key: str
) -> Decision:
    """A transition of a rule for Acme."""
    rule, who = rules.by_key(session, rule_key), partners.by_name(session, "Acme")
    assert who is not None
    decision = Decision(
        key=f"{uuid.uuid4()}", rule_id=rule.id, partner_id=who.id, at=at, before=before, after=after,
        reason={"message": "m", "params": {}}, context=dict(values),
    )  # fmt: skip
    session.add(decision)
    session.flush()
    return decision


def alert(
    session: Session, ago: int = 10, days: float = 9, rule_key: str = "late_rate", values: Mapping[str, Any] = SEEN
) -> Alert:
    """An alert that fired so many days ago and stood for some."""
    at, until = NOW - ago * DAY, NOW - (ago - days) * DAY
    decision = turn(session, at, RuleState.PENDING, RuleState.FIRING, values, rule_key)
    turn(session, until, RuleState.FIRING, RuleState.OK, values, rule_key)
    fired = Alert(
        rule_id=decision.rule_id, partner_id=decision.partner_id, decision_id=decision.id, severity=Severity.WARNING,
        fired_at=at, state=AlertState.RESOLVED, resolved_at=until,
    )  # fmt: skip
    session.add(fired)
    session.flush()
    return fired


def say(session: Session, fired: Alert, worth: Worth, author: str = "olga", minutes: int = 0) -> None:
    verdicts.add(session, fired.id, worth, author=author, via="page", now=NOW + timedelta(minutes=minutes))


def test_the_newest_word_of_each_author_counts_and_none_is_changed(seeded: Database) -> None:
    with seeded.write() as session:
        fired = alert(session)
        say(session, fired, Worth.USEFUL)
        say(session, fired, Worth.USEFUL, minutes=1)  # the same again
        say(session, fired, Worth.NOISE, minutes=2)
        say(session, fired, Worth.TOO_LATE, "boss", minutes=3)
        counting = verdicts.of_alerts(session, [fired.id])[fired.id]
        assert [(row.author, row.worth) for row in counting] == [("boss", Worth.TOO_LATE), ("olga", Worth.NOISE)]
        assert session.query(verdicts.Verdict).count() == 3


def test_most_authors_are_followed_and_the_last_of_an_even_split(seeded: Database) -> None:
    with seeded.write() as session:
        fired = alert(session)
        for minutes, (author, worth) in enumerate((("a", Worth.NOISE), ("b", Worth.USEFUL))):
            say(session, fired, worth, author, minutes)
        assert verdicts.worth_of(verdicts.of_alerts(session, [fired.id])[fired.id]) is Worth.USEFUL
        say(session, fired, Worth.NOISE, "c", 2)
        say(session, fired, Worth.USEFUL, "d", 3)
        say(session, fired, Worth.NOISE, "e", 4)
        [judged] = verdicts.judged_alerts(session, NOW - 30 * DAY)
        assert (judged.worth, judged.values) == (Worth.NOISE, {"late_rate": 0.3})
        assert verdicts.judged_alerts(session, NOW) == []


def test_one_author_changes_their_mind_only_so_often(seeded: Database) -> None:
    with seeded.write() as session:
        fired = alert(session)
        worths = (Worth.USEFUL, Worth.NOISE)
        for minutes in range(verdicts.MOST_OF_ONE):
            say(session, fired, worths[minutes % 2], minutes=minutes)
        with pytest.raises(Conflict):
            say(session, fired, Worth.TOO_LATE, minutes=verdicts.MOST_OF_ONE)
        say(session, fired, Worth.TOO_LATE, "boss", minutes=verdicts.MOST_OF_ONE)
        assert session.query(verdicts.Verdict).count() == verdicts.MOST_OF_ONE + 1


def test_a_verdict_on_no_alert_is_not_found(seeded: Database) -> None:
    with seeded.write() as session, pytest.raises(NotFound):
        verdicts.add(session, uuid.uuid4(), Worth.NOISE, author="olga", via="api", now=NOW)


@pytest.mark.parametrize(
    ("part", "of", "low", "high"),
    [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (7, 10, 0.397, 0.892), (1, 1, 0.207, 1.0)],
)
def test_the_interval_of_a_share_is_wilson_s(part: int, of: int, low: float, high: float) -> None:
    found = verdicts.share(part, of)
    assert found is not None
    assert (found.value, found.of) == (part / of, of)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


def test_a_share_of_nothing_is_not_0() -> None:
    assert verdicts.share(0, 0) is None


def test_a_link_names_its_recipient_and_cannot_be_turned_to_another_worth() -> None:
    vault, alert_id = Vault(["x" * 43 + "="]), uuid.uuid4()
    address = urlsplit(verdicts.link(vault, "https://w.example", alert_id, Worth.NOISE, "an@us.example"))
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert (address.path, query["to"]) == (f"/alerts/{alert_id}/verdict/noise", "an@us.example")
    assert vault.verify(verdicts.link_text(alert_id, Worth.NOISE, "an@us.example"), query["signature"])
    assert not vault.verify(verdicts.link_text(alert_id, Worth.USEFUL, "an@us.example"), query["signature"])


def test_a_verdict_tells_by_which_channel_it_came(seeded: Database) -> None:
    with seeded.write() as session:
        destinations.add(session, name="Partner team", channel="slack", now=NOW)
        found = [verdicts.via_of(session, to) for to in ("an@us.example", "Partner team", "gone")]
    assert found == ["email", "slack", verdicts.LINK]


def test_a_rule_fares_by_what_people_said_within_its_budget_or_not(seeded: Database) -> None:
    with seeded.write() as session:
        for worth in (Worth.USEFUL, Worth.TOO_LATE, Worth.NOISE, None):
            fired = alert(session)
            if worth is not None:
                say(session, fired, worth)
        known = rules.listing(session)
        found = counsel.standings(session, known, 5.0, NOW)
        late, band = (found[rules.by_key(session, key).id] for key in ("late_rate", "band_high"))
    assert (late.record.alerts, late.record.judged, late.record.noise) == (4, 3, 1)
    assert late.record.right is not None
    assert late.record.right.value == pytest.approx(2 / 3)
    assert late.record.noise_rate == pytest.approx(25, rel=0.01)  # one in a year of one partner
    assert late.over_budget is True
    assert (band.record, band.over_budget, band.lead_days, band.advice) == (counsel.NO_ALERTS, None, None, None)


def test_time_before_a_partner_was_watched_and_after_is_no_partner_quarter(seeded: Database) -> None:
    with seeded.write() as session:
        who = partners.by_name(session, "Acme")
        assert who is not None
        partners.change(session, who, {"stage": Stage.ENDED}, NOW - 100 * DAY)
        quarters = counsel.watched_quarters(session, NOW - 200 * DAY, NOW)
    assert quarters == pytest.approx(100 / 91.25)


def test_noise_that_ended_soon_advises_to_wait(seeded: Database) -> None:
    with seeded.write() as session:
        rule = rules.by_key(session, "late_rate")
        rules.update(session, rule, {"for_seconds": 7 * 86_400, "keep_firing_for_seconds": 0}, NOW)
        seen = {**SEEN, **rule.parameters}
        for place, (days, worth) in enumerate((*((days, Worth.NOISE) for days in range(2, 7)), (30, Worth.USEFUL))):
            ago = 300 - 40 * place
            turn(session, NOW - (ago + 7) * DAY, RuleState.OK, RuleState.PENDING, seen, "late_rate")
            say(session, alert(session, ago, days, values=seen), worth)
        advice = counsel.standings(session, [rule], 5.0, NOW)[rule.id].advice
    assert advice == {"message": WAIT, "params": {"after": 14.0, "before": 7.0, "removed": 5, "noise": 5}}
