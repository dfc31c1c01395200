"""Which rules hold another back while they fire: what may be said, and where the fault is."""

from collections.abc import Collection
from typing import Any

from warden.errors import Fault, hint
from warden.i18n import N_

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
        what = N_('expected a list such as [{"rule": "band_extreme", "equal": ["partner"]}]')
        return [Fault.of("inhibited_by", what)]
    if len(inhibited_by) > MOST:
        what = N_("found %(found)s; expected at most %(most)s")
        return [Fault.of("inhibited_by", what, found=len(inhibited_by), most=MOST)]
    faults = []
    for place, one in enumerate(inhibited_by):
        where = f"inhibited_by[{place}]"
        if not isinstance(one, dict) or set(one) != {"rule", "equal"}:
            faults.append(Fault.of(where, N_('expected an object of "rule" and "equal"')))
            continue
        faults += _rule_faults(one["rule"], f"{where}.rule", key, rule_keys)
        faults += _equal_faults(one["equal"], f"{where}.equal", attributes)
    return faults


def _rule_faults(rule: Any, where: str, key: str, rule_keys: Collection[str]) -> list[Fault]:
    if rule == key:
        return [Fault.of(where, N_("is the rule itself; expected another"))]
    if isinstance(rule, str) and rule in rule_keys:
        return []
    meant = hint(str(rule), sorted(one for one in rule_keys if one != key))
    return [Fault.of(where, N_("there is no rule %(found)s; %(hint)s"), found=f"{rule!r:.80}", hint=meant)]


def _equal_faults(equal: Any, where: str, attributes: Collection[str]) -> list[Fault]:
    if not isinstance(equal, list | tuple) or not equal:
        what = N_("expected a list of %(names)s or %(tag)s<prefix>, one at least")
        return [Fault.of(where, what, names=", ".join(ATTRIBUTES), tag=TAG)]
    found = (_attribute_fault(attribute, f"{where}[{place}]", attributes) for place, attribute in enumerate(equal))
    return [fault for fault in found if fault is not None]


def _attribute_fault(attribute: Any, where: str, attributes: Collection[str]) -> Fault | None:
    if not isinstance(attribute, str) or (attribute not in ATTRIBUTES and not attribute.startswith(TAG)):
        meant = hint(str(attribute), sorted([*ATTRIBUTES, TAG]))
        return Fault.of(where, N_("unknown attribute %(found)s; %(hint)s"), found=f"{attribute!r:.80}", hint=meant)
    if attribute == TAG:
        return Fault.of(where, N_("expected the beginning of a tag after %(tag)s"), tag=TAG)
    held = (
        any(one.startswith(attribute) for one in attributes) if attribute.startswith(TAG) else attribute in attributes
    )
    if held:
        return None
    return Fault.of(where, N_("no partner has %(name)s; it would never hold anything back"), name=attribute)
