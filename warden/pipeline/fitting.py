"""Tells, before either is activated, what rules ask for that a matrix does not have. It changes nothing."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from warden.errors import Fault
from warden.i18n import N_
from warden.rules import Reason
from warden.rules.bands import band_faults
from warden.store import matrices, rules

LEFT_MESSAGE = N_(
    "The rule %(rule)s compares with what this matrix does not have: %(said)s. Change the rule, or it may keep quiet."
)


def unfit(definition: Mapping[str, Any], matrix: Mapping[str, Any]) -> list[Fault]:
    """Return a fault for each comparison of a rule's sound conditions that a matrix makes pointless, with its place."""
    bands = [band["key"] for band in matrix["bands"]]
    texts = {name: definition.get(name, "") for name in ("condition", "inhibit_when")}
    return [fault for name, text in texts.items() for fault in band_faults(text, name, bands)]


def unfit_now(session: Session, definition: Mapping[str, Any]) -> list[Fault]:
    """Return the same for the matrix in use."""
    return unfit(definition, matrices.active(session).data)


def unfit_for_good(session: Session, definition: Mapping[str, Any]) -> list[Fault]:
    """Return those that no draft of a matrix would mend, either; none of a rule that is switched off."""
    if not definition.get("enabled", True):
        return []
    drafted = [{one.where for one in unfit(definition, row.data)} for row in matrices.drafts(session)]
    return [one for one in unfit_now(session, definition) if all(one.where in places for places in drafted)]


def left_behind(session: Session, matrix: Mapping[str, Any]) -> list[Reason]:
    """Say of each rule that was ever activated what it asks for and a matrix does not have."""
    return [
        {"message": LEFT_MESSAGE, "params": {"rule": {"names": rule.names}, "said": _said(fault)}}
        for rule in rules.listing(session)
        if rule.version
        for fault in unfit({"condition": rule.condition, "inhibit_when": rule.inhibit_when}, matrix)
    ]


def _said(fault: Fault) -> Reason:
    return {"message": fault.message, "params": dict(fault.params)}
