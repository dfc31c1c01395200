"""Versions of rules: drafts decide nothing, activation is one step with an author, and nothing of the past is lost."""

from typing import Any

import pytest
from factories import DAY, NOW
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import Severity, VersionStatus
from warden.errors import Conflict, InvalidInput, NotFound
from warden.models import Rule
from warden.store import rule_versions, rules, shipped
from warden.store.rule_versions import Difference

OWN = {"names": {"en": "Far too late"}, "condition": "late_rate > 0.6"}


@pytest.fixture
def seeded(db: Database) -> Database:
    with db.write() as session:
        shipped.seed(session, NOW)
    return db


def late_rate(session: Session) -> Rule:
    return rules.by_key(session, "late_rate")


def statuses(session: Session, rule: Rule) -> list[tuple[int, VersionStatus]]:
    return [(row.number, row.status) for row in rule_versions.listing(session, rule.id)]


def test_every_shipped_rule_arrives_as_its_first_version(seeded: Database) -> None:
    with seeded.read() as session:
        for rule in rules.listing(session):
            [row] = rule_versions.listing(session, rule.id)
            assert (row.number, row.status, row.author) == (1, VersionStatus.ACTIVE, "warden")
            assert row.definition == rule_versions.definition_of(rule)


def test_a_draft_decides_nothing_until_it_is_activated_with_a_note(seeded: Database) -> None:
    with seeded.write() as session:
        rule = late_rate(session)
        draft = rule_versions.draft(session, rule, "olga", NOW + DAY, changes={"severity": Severity.CRITICAL})
        assert (rule.severity, rule.version, draft.number) == (Severity.WARNING, 1, 2)
        rule_versions.activate(session, rule, 2, "boss", NOW + 2 * DAY, "They hurt us.")
    with seeded.read() as session:
        rule = late_rate(session)
        assert (rule.severity, rule.version, rule.updated_at) == (Severity.CRITICAL, 2, NOW + 2 * DAY)
        newest, oldest = rule_versions.listing(session, rule.id)
        assert (newest.author, newest.activated_by, newest.note) == ("olga", "boss", "They hurt us.")
        assert (oldest.status, oldest.retired_at) == (VersionStatus.RETIRED, NOW + 2 * DAY)
        found = rule_versions.differences(oldest.definition, newest.definition)
        assert found == [Difference("severity", "warning", "critical")]


def test_going_back_is_a_new_draft_of_an_earlier_version(seeded: Database) -> None:
    with seeded.write() as session:
        rule = late_rate(session)
        first = rule.condition
        rule_versions.put(session, rule, {"condition": "late_rate > 0.5"}, "olga", NOW + DAY, "Less noise.")
        back = rule_versions.draft(session, rule, "olga", NOW + 2 * DAY, of=1)
        rule_versions.activate(session, rule, back.number, "olga", NOW + 2 * DAY)
        assert (rule.condition, rule.version) == (first, 3)
        assert statuses(session, rule) == [
            (3, VersionStatus.ACTIVE),
            (2, VersionStatus.RETIRED),
            (1, VersionStatus.RETIRED),
        ]


def test_changing_a_rule_to_what_it_is_makes_no_version(seeded: Database) -> None:
    with seeded.write() as session:
        rule = late_rate(session)
        assert rule_versions.put(session, rule, {"condition": rule.condition}, "olga", NOW).number == 1
        assert statuses(session, rule) == [(1, VersionStatus.ACTIVE)]


def test_a_draft_that_was_overtaken_takes_the_next_number_since_versions_rise(seeded: Database) -> None:
    with seeded.write() as session:
        rule = late_rate(session)
        rule_versions.draft(session, rule, "olga", NOW)
        rule_versions.put(session, rule, {"for_seconds": 60}, "boss", NOW)
        assert rule_versions.activate(session, rule, 2, "olga", NOW).number == rule.version == 4


def test_an_equal_draft_of_one_author_is_the_one_there_is(seeded: Database) -> None:
    def number(author: str, note: str, **changes: Any) -> int:
        with seeded.write() as session:
            found = rule_versions.draft(session, late_rate(session), author, NOW, changes=changes, note=note)
            return found.number

    first = number("olga", "Calmer.", for_seconds=60)
    assert {number("olga", " Calmer.", for_seconds=60) for _ in range(5)} == {first}
    others = [
        number("boss", "Calmer.", for_seconds=60),
        number("olga", "Slower.", for_seconds=60),
        number("olga", "Calmer.", for_seconds=61),
    ]
    assert others == [first + 1, first + 2, first + 3]
    with seeded.write() as session:
        rule_versions.activate(session, late_rate(session), first, "olga", NOW)
    assert number("olga", "Calmer.", for_seconds=60) == first + 4, "what is active is no draft"


def test_changing_a_draft_forgets_what_was_rehearsed_of_it(seeded: Database) -> None:
    with seeded.write() as session:
        rule = late_rate(session)
        draft = rule_versions.draft(session, rule, "olga", NOW)
        rule_versions.keep_rehearsal(session, rule.id, draft.number, {"fired": 3}, NOW)
        rule_versions.change(session, rule, draft.number, {}, "olga", NOW, "Only a note.")
        assert draft.rehearsal == {"fired": 3}
        rule_versions.change(session, rule, draft.number, {"for_seconds": 60}, "olga", NOW, "")
        assert (draft.rehearsal, draft.rehearsed_at, draft.definition["for_seconds"]) == (None, None, 60)


def test_what_was_ever_active_can_neither_be_changed_nor_deleted_nor_activated_again(seeded: Database) -> None:
    with seeded.write() as session:
        rule = late_rate(session)
        for act in (
            lambda: rule_versions.change(session, rule, 1, {}, "olga", NOW, ""),
            lambda: rule_versions.delete(session, rule, 1),
            lambda: rule_versions.activate(session, rule, 1, "olga", NOW),
        ):
            with pytest.raises(Conflict):
                act()
        with pytest.raises(NotFound):
            rule_versions.delete(session, rule, 2)


def test_a_rule_of_one_s_own_decides_nothing_until_it_is_activated(seeded: Database) -> None:
    with seeded.write() as session:
        made = rule_versions.create(session, "far_too_late", OWN, "olga", NOW)
        rule = rules.by_key(session, "far_too_late")
        assert (rule.enabled, rule.version, made.number) == (False, 0, 1)
        rule_versions.activate(session, rule, 1, "olga", NOW)
        assert (rule.enabled, rule.version) == (True, 1)


def test_a_rule_goes_with_its_last_draft_if_it_was_never_active(seeded: Database) -> None:
    with seeded.write() as session:
        rule_versions.create(session, "far_too_late", OWN, "olga", NOW)
        rule = rules.by_key(session, "far_too_late")
        second = rule_versions.draft(session, rule, "olga", NOW, changes={"for_seconds": 60})
        assert second.definition["enabled"]
        rule_versions.delete(session, rule, 1)
        rule_versions.delete(session, rule, 2)
        with pytest.raises(NotFound):
            rules.by_key(session, "far_too_late")


@pytest.mark.parametrize(
    ("key", "changes", "where"),
    [
        ("Far too late", {}, "key"),
        ("x", {}, "key"),
        ("far", {"condition": ""}, "condition"),
        ("far", {"names": {}}, "names"),
        ("far", {"for_seconds": -1}, "for_seconds"),
    ],
)
def test_a_new_rule_that_does_not_fit_is_refused_at_its_field(
    seeded: Database, key: str, changes: dict[str, Any], where: str
) -> None:
    with seeded.write() as session, pytest.raises(InvalidInput) as refused:
        rule_versions.create(session, key, {**OWN, **changes}, "olga", NOW)
    assert {fault.where for fault in refused.value.faults} == {where}


def test_a_rule_as_it_would_be_belongs_to_no_session_and_keeps_its_identity(seeded: Database) -> None:
    with seeded.write() as session:
        rule = late_rate(session)
        other = rule_versions.as_rule(rule, {"severity": "critical"})
        assert (other.id, other.key, other.severity, rule.severity) == (rule.id, rule.key, "critical", "warning")
        assert other not in session
