"""Which rules hold another back while they fire: what may be said, and where the fault is."""

import difflib
from collections.abc import Collection
from typing import Any

from warden.errors import Fault

ATTRIBUTES = ("partner", "tier", "region", "country", "owner")
"""What two partners may have in common, besides "tag:<prefix>": the tag that begins with the prefix."""

TAG = "tag:"
MOST = 10
"""Rules that may hold one back."""


def inhibition_faults(
    inhibited_by: Any, key: str, rule_keys: Collection[str], attributes: Collection[str]
) -> list[Fault]:
    """Return what is wrong with `inhibited_by` of the rule `key`, each fault with its position.

    It has the shape [{"rule": key of another rule, "equal": [attribute, …]}]. `rule_keys`: of the rules there are.
    `attributes`: those some partner has, every tag as "tag:<the whole tag>"; an inhibition over what nobody has would
    never hold anything back.
    """
    if not isinstance(inhibited_by, list | tuple):
        return [Fault("inhibited_by", 'expected a list such as [{"rule": "band_extreme", "equal": ["partner"]}]')]
    if len(inhibited_by) > MOST:
        return [Fault("inhibited_by", f"found {len(inhibited_by)}; expected at most {MOST}")]
    faults = []
    for place, one in enumerate(inhibited_by):
        where = f"inhibited_by[{place}]"
        if not isinstance(one, dict) or set(one) != {"rule", "equal"}:
            faults.append(Fault(where, 'expected an object of "rule" and "equal"'))
            continue
        faults += _rule_faults(one["rule"], f"{where}.rule", key, rule_keys)
        faults += _equal_faults(one["equal"], f"{where}.equal", attributes)
    return faults


def _rule_faults(rule: Any, where: str, key: str, rule_keys: Collection[str]) -> list[Fault]:
    if rule == key:
        return [Fault(where, "is the rule itself; expected another")]
    if isinstance(rule, str) and rule in rule_keys:
        return []
    return [
        Fault(where, f"there is no rule {rule!r:.80}; {_hint(str(rule), [one for one in rule_keys if one != key])}")
    ]


def _equal_faults(equal: Any, where: str, attributes: Collection[str]) -> list[Fault]:
    if not isinstance(equal, list | tuple) or not equal:
        return [Fault(where, f"expected a list of {', '.join(ATTRIBUTES)} or {TAG}<prefix>, one at least")]
    faults = []
    for place, attribute in enumerate(equal):
        what = _attribute_fault(attribute, attributes)
        if what:
            faults.append(Fault(f"{where}[{place}]", what))
    return faults


def _attribute_fault(attribute: Any, attributes: Collection[str]) -> str | None:
    if not isinstance(attribute, str) or (attribute not in ATTRIBUTES and not attribute.startswith(TAG)):
        return f"unknown attribute {attribute!r:.80}; {_hint(str(attribute), [*ATTRIBUTES, TAG])}"
    if attribute == TAG:
        return f"expected the beginning of a tag after {TAG}"
    held = (
        any(one.startswith(attribute) for one in attributes) if attribute.startswith(TAG) else attribute in attributes
    )
    return None if held else f"no partner has {attribute}; it would never hold anything back"


def _hint(given: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(given, known, n=1)
    return f"did you mean {close[0]}?" if close else f"expected one of {', '.join(sorted(known))}"
