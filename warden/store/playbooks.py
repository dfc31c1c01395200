"""Playbooks: what helps against each cause, as versions: drafts, the one that is active, and earlier ones."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from warden.domain import LOCALES, DiagnosedCause, VersionStatus
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.models import Playbook

MOST_STEPS = 12
"""A longer list is nobody's plan."""

LONGEST_TITLE = 100
LONGEST_STEP = 300
"""Characters; a step fits a line of every channel."""


def active(session: Session) -> dict[DiagnosedCause, Playbook]:
    """Return the playbook in force of every cause that has one."""
    query = select(Playbook).where(Playbook.status == VersionStatus.ACTIVE)
    return {found.cause: found for found in session.scalars(query)}


def listing(session: Session, cause: DiagnosedCause | None = None) -> list[Playbook]:
    """Return every version, by cause, newest first."""
    query = select(Playbook).order_by(Playbook.cause, Playbook.number.desc())
    return list(session.scalars(query if cause is None else query.where(Playbook.cause == cause)))


def get(session: Session, cause: DiagnosedCause, number: int, *, lock: bool = False) -> Playbook:
    """Return one version; `lock` is for changing it and holds all versions of its cause. Raises NotFound."""
    if lock:
        _hold(session, cause)
    query = select(Playbook).where(Playbook.cause == cause, Playbook.number == number)
    found = session.scalar(query.execution_options(populate_existing=lock))
    if found is None:
        raise NotFound(f"There is no version {number} of the playbook for {cause}.")
    return found


def draft(
    session: Session,
    cause: DiagnosedCause,
    titles: Mapping[str, str],
    steps: Sequence[Mapping[str, str]],
    *,
    note: str,
    author: str,
    now: datetime,
) -> Playbook:
    """Store a draft; nobody is advised by it until it is activated. Raises InvalidInput with the path of each fault."""
    _refuse_faults(titles, steps)
    _hold(session, cause)  # of two at once, each needs a number of its own
    newest = session.scalar(select(func.max(Playbook.number)).where(Playbook.cause == cause)) or 0
    added = Playbook(
        cause=cause,
        number=newest + 1,
        status=VersionStatus.DRAFT,
        titles=_stripped(titles),
        steps=[_stripped(step) for step in steps],
        note=note,
        author=author,
        created_at=now,
    )
    session.add(added)
    session.flush()
    return added


def change(
    session: Session,
    cause: DiagnosedCause,
    number: int,
    titles: Mapping[str, str],
    steps: Sequence[Mapping[str, str]],
    *,
    note: str,
) -> Playbook:
    """Replace what a draft holds. Raises NotFound, InvalidInput, or Conflict for one that was activated."""
    found = _draft(session, cause, number)
    _refuse_faults(titles, steps)
    found.titles, found.steps, found.note = _stripped(titles), [_stripped(step) for step in steps], note
    session.flush()
    return found


def delete(session: Session, cause: DiagnosedCause, number: int) -> None:
    """Throw a draft away. Raises NotFound, or Conflict for one that was activated."""
    session.delete(_draft(session, cause, number))
    session.flush()


def activate(session: Session, cause: DiagnosedCause, number: int, now: datetime) -> Playbook:
    """Advise by a draft from now on; the version that was active retires. The active one stays as it is.

    Raises NotFound, or Conflict for one that has retired: make a draft of what it holds.
    """
    found = get(session, cause, number, lock=True)
    if found.status is VersionStatus.ACTIVE:
        return found
    _refuse_activated(found)
    current = session.scalar(select(Playbook).where(Playbook.cause == cause, Playbook.status == VersionStatus.ACTIVE))
    if current is not None:
        current.status, current.retired_at = VersionStatus.RETIRED, now
    found.status, found.activated_at = VersionStatus.ACTIVE, now
    session.flush()
    return found


def _hold(session: Session, cause: DiagnosedCause) -> None:
    """Hold all versions for a cause against other writers."""
    session.execute(select(Playbook.id).where(Playbook.cause == cause).order_by(Playbook.id).with_for_update())


def _draft(session: Session, cause: DiagnosedCause, number: int) -> Playbook:
    found = get(session, cause, number, lock=True)
    _refuse_activated(found)
    return found


def _refuse_activated(found: Playbook) -> None:
    if found.activated_at is not None:
        raise Conflict(f"Version {found.number} of this playbook was activated and stays as it is: make a draft.")


def _refuse_faults(titles: Mapping[str, str], steps: Sequence[Mapping[str, str]]) -> None:
    faults = list(_text_faults("titles", titles, LONGEST_TITLE))
    if not 1 <= len(steps) <= MOST_STEPS:
        faults.append(Fault("steps", f"has {len(steps)}; expected 1 to {MOST_STEPS}"))
    for place, step in enumerate(steps):
        faults += _text_faults(f"steps[{place}]", step, LONGEST_STEP)
    if faults:
        raise InvalidInput(f"The playbook cannot be used: {faults[0]}.", faults)


def _text_faults(where: str, texts: Mapping[str, Any], longest: int) -> list[Fault]:
    """Say which languages are missing, unknown or too long: advice that half of the readers cannot read is none."""
    faults = [Fault(f"{where}.{locale}", "is no language of Warden") for locale in texts if locale not in LOCALES]
    for locale in LOCALES:
        text = texts.get(locale)
        if not isinstance(text, str) or not text.strip():
            faults.append(Fault(f"{where}.{locale}", "is empty; expected a text in this language"))
        elif len(text.strip()) > longest or "\0" in text:
            faults.append(Fault(f"{where}.{locale}", f"expected at most {longest} characters of plain text"))
    return faults


def _stripped(texts: Mapping[str, str]) -> dict[str, str]:
    return {locale: texts[locale].strip() for locale in LOCALES}
