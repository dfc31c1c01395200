"""Bands and ranks of bands that a condition asks for and a matrix does not have: such a rule keeps quiet for ever."""

import operator
from collections.abc import Callable, Mapping, Sequence

from warden.errors import Fault
from warden.i18n import N_
from warden.rules.comparisons import Compared, compared, located

BAND_MESSAGE = N_("%(name)s is never %(given)s; the matrix has %(names)s")
RANK_MESSAGE = N_("%(name)s %(sign)s %(given)s never holds; on the matrix it goes from 0 to %(most)s")

_SIGNS: Mapping[str, Callable[[int, float], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def band_faults(text: str, where: str, bands: Sequence[str]) -> list[Fault]:
    """Return a fault for each comparison of a sound condition with what is no band; `bands`: keys, mildest first."""
    return [fault for one in compared(text) if (fault := _fault(one, located(text, one.start, where), bands))]


def _fault(one: Compared, where: str, bands: Sequence[str]) -> Fault | None:
    if one.name == "band" and one.sign in ("==", "!=") and one.value not in bands:
        return Fault.of(where, BAND_MESSAGE, name=one.name, given=one.text, names=", ".join(bands))
    if one.name == "band_rank" and one.sign in _SIGNS and isinstance(one.value, int | float):
        holds = _SIGNS[one.sign]
        if not any(holds(rank, one.value) for rank in range(len(bands))):
            said = {"name": one.name, "sign": one.sign, "given": one.text, "most": len(bands) - 1}
            return Fault.of(where, RANK_MESSAGE, **said)
    return None
