"""A rule's own numbers: how they may be called and what they may be."""

import re
import sys
from collections.abc import Mapping
from typing import Any

import cel

from warden.errors import Fault
from warden.i18n import N_
from warden.rules.context import BY_NAME

MOST = 20
"""Parameters a rule may have."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_FIELDS = frozenset(
    (
        "enabled",
        "severity",
        "for_seconds",
        "keep_firing_for_seconds",
        "no_data",
        "no_data_for_seconds",
        "meeting_within_days",
    )
)
"""What a setting for a tier or a partner may be of, besides a parameter: no parameter may have such a name."""


def parameter_faults(parameters: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with a rule's parameters, each fault naming one: `parameters.limit`."""
    faults = []
    if len(parameters) > MOST:
        what = N_("found %(found)s; expected at most %(most)s")
        faults.append(Fault.of("parameters", what, found=len(parameters), most=MOST))
    for name, value in parameters.items():
        where = f"parameters.{name:.60}"
        misnamed = _name_fault(name)
        if misnamed:
            faults.append(Fault.of(where, misnamed))
        elif not _is_number(value):
            faults.append(Fault.of(where, N_("found %(found)s; expected a number"), found=f"{value!r:.80}"))
    return faults


def _name_fault(name: str) -> str | None:
    """Return what is wrong with a name, as a message."""
    if not _NAME.fullmatch(name):
        return N_("expected a name of small letters, digits and _, beginning with a letter, of at most 60 characters")
    if name in BY_NAME:
        return N_("is the name of a variable; expected another")
    if name in _FIELDS:
        return N_("is the name of a field; expected another")
    return None if _is_free(name) else N_("is a word of CEL; expected another name")


def _is_free(name: str) -> bool:
    try:
        return list(cel.compile(name).variables()) == [name]
    except ValueError:
        return False


def _is_number(value: Any) -> bool:
    is_numeric = isinstance(value, int | float) and not isinstance(value, bool)
    # Neither infinite nor, as a whole number can be, too large to be reckoned with.
    return is_numeric and abs(value) <= sys.float_info.max
