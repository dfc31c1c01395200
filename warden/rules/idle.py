"""Parts of a rule that do nothing: a condition that looks at no variable, and a parameter no condition uses."""

import re
from collections.abc import Mapping
from typing import Any

from warden.errors import Fault
from warden.i18n import N_
from warden.rules.comparisons import located, without_strings
from warden.rules.context import BY_NAME

NOTHING_SEEN = N_("it looks at no variable: it is the same for every partner at all times; expected one at least")
UNUSED = N_("No condition of the rule uses the parameter %(name)s: it has no effect.")

_NAME = re.compile(r"(?<!\w)[A-Za-z_]\w*")


def blind_faults(definition: Mapping[str, Any]) -> list[Fault]:
    """Return a fault for each condition of a definition that looks at no variable, with its place."""
    return [
        Fault.of(located(text, len(text) - len(text.lstrip()), where), NOTHING_SEEN)
        for where, text in _conditions(definition).items()
        if _names(text).isdisjoint(BY_NAME)
    ]


def unused_parameters(definition: Mapping[str, Any]) -> list[Fault]:
    """Return a fault for each parameter that no condition of a definition uses; they do no harm."""
    used = frozenset().union(*map(_names, _conditions(definition).values()))
    spare = [name for name in definition.get("parameters", {}) if name not in used]
    return [Fault.of(f"parameters.{name:.60}", UNUSED, name=name) for name in spare]


def _conditions(definition: Mapping[str, Any]) -> dict[str, str]:
    texts = {where: definition.get(where, "") for where in ("condition", "inhibit_when")}
    return {where: text for where, text in texts.items() if text.strip()}


def _names(text: str) -> frozenset[str]:
    return frozenset(_NAME.findall(without_strings(text)))
