"""Playbooks as rows: drafts, activation, history, and what is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import LOCALES, DiagnosedCause, VersionStatus
from warden.errors import Conflict, InvalidInput, NotFound
from warden.store import playbooks, rule_versions, rules, shipped

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TRUST = DiagnosedCause.TRUST
TITLES = {"en": "Mend it", "zh-Hant": "修復", "zh-Hans": "修复", "vi": "Khắc phục"}
STEPS: list[dict[str, str]] = [{"en": "Call them.", "zh-Hant": "打電話。", "zh-Hans": "打电话。", "vi": "Gọi điện."}]


@pytest.fixture
def session(db: Database) -> Iterator[Session]:
    with db.write() as session:
        yield session


def test_every_cause_ships_with_a_playbook_in_every_language(session: Session) -> None:
    shipped.seed(session, NOW)
    books = playbooks.active(session)
    assert set(books) == set(DiagnosedCause)
    for book in books.values():
        assert set(book.titles) == set(LOCALES)
        assert len(book.steps) >= 5
        assert all(len(set(step.values())) == len(LOCALES) for step in book.steps)


def test_what_ships_would_be_taken_from_people_too(session: Session) -> None:
    shipped.seed(session, NOW)
    for cause, book in playbooks.active(session).items():
        again = playbooks.draft(session, cause, book.titles, book.steps, note="", author="an@x.example", now=NOW)
        assert (again.number, again.titles, again.steps) == (2, book.titles, book.steps)
    for rule in rules.listing(session):
        assert rules.faults(rule_versions.definition_of(rule)) == []


def test_shipping_again_overwrites_nothing(session: Session) -> None:
    shipped.seed(session, NOW)
    drafted = playbooks.draft(session, TRUST, TITLES, STEPS, note="ours", author="an@x.example", now=NOW)
    playbooks.activate(session, TRUST, drafted.number, NOW)
    assert shipped.seed(session, NOW) == 0
    assert playbooks.active(session)[TRUST].titles == TITLES


def test_the_version_before_is_kept_and_can_be_drafted_again(session: Session) -> None:
    first = playbooks.draft(session, TRUST, TITLES, STEPS, note="", author="a", now=NOW)
    playbooks.activate(session, TRUST, first.number, NOW)
    second = playbooks.draft(session, TRUST, TITLES, STEPS * 2, note="", author="a", now=NOW)
    playbooks.activate(session, TRUST, second.number, NOW)
    assert [(one.number, one.status) for one in playbooks.listing(session, TRUST)] == [
        (2, VersionStatus.ACTIVE),
        (1, VersionStatus.RETIRED),
    ]
    for refused in (
        lambda: playbooks.activate(session, TRUST, 1, NOW),
        lambda: playbooks.change(session, TRUST, 1, TITLES, STEPS, note=""),
        lambda: playbooks.delete(session, TRUST, 2),
    ):
        with pytest.raises(Conflict):
            refused()
    assert playbooks.activate(session, TRUST, 2, NOW).activated_at == NOW


def test_a_draft_is_changed_and_thrown_away(session: Session) -> None:
    drafted = playbooks.draft(session, TRUST, TITLES, STEPS, note="", author="a", now=NOW)
    assert playbooks.change(session, TRUST, drafted.number, TITLES, STEPS * 3, note="more").steps == STEPS * 3
    assert playbooks.active(session) == {}
    playbooks.delete(session, TRUST, drafted.number)
    with pytest.raises(NotFound):
        playbooks.get(session, TRUST, drafted.number)


@pytest.mark.parametrize(
    ("titles", "steps", "where"),
    [
        ({"en": "Only English"}, STEPS, "titles.zh-Hant"),
        (TITLES | {"vi": "  "}, STEPS, "titles.vi"),
        (TITLES | {"fr": "Réparer"}, STEPS, "titles.fr"),
        (TITLES, [], "steps"),
        (TITLES, STEPS * 13, "steps"),
        (TITLES, [*STEPS, {**STEPS[0], "en": "x" * 301}], "steps[1].en"),
        (TITLES, [{**STEPS[0], "en": "a\0b"}], "steps[0].en"),
    ],
)
def test_a_playbook_that_somebody_could_not_read_is_refused(
    session: Session, titles: dict[str, str], steps: list[dict[str, str]], where: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        playbooks.draft(session, TRUST, titles, steps, note="", author="a", now=NOW)
    assert refused.value.faults[0].where == where
    assert playbooks.listing(session) == []
