"""Whether many partners that raise one alert at once share a cause: a source, a region, or being watched at all."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

WITHIN = timedelta(hours=24)
"""Alerts of one rule that fire within so long of each other are "at once"."""

LEAST_PARTNERS = 5
"""Fewer partners than these are told one by one."""

LEAST_SHARE = 0.25
"""And they are at least this share of the watched partners that share the source or region."""

MOST_SHARE = 0.5
"""Raised by this share of all watched partners, an alert is told as one thing, not once for each source or region."""

Kind = Literal["source", "region", "everybody"]


@dataclass(frozen=True, slots=True)
class Shared:
    """What partners have in common: a source or a region, by id or name, or nothing but that all of them are watched.

    `partners`: all the watched ones that do. `known`: that something is wrong with it, and may cause just this, is
    known already.
    """

    kind: Kind
    key: str
    partners: Collection[str]
    known: bool = False


@dataclass(frozen=True, slots=True)
class CommonCause:
    """A cause shared by those that raise the alert; `of`: how many watched partners share it in all.

    `known`: that something is wrong with it was known before.
    """

    kind: Kind
    key: str
    partners: tuple[str, ...]
    of: int
    known: bool = False


def find(raised: Sequence[str], shared: Sequence[Shared]) -> list[CommonCause]:
    """Return the causes that explain alerts of one rule, raised for these partners, the most telling first.

    A partner counts for the first cause that explains it only. What is known to be wrong comes first. Else what
    explains a larger share of what it touches is the more telling; of equals a source comes before a region, for it is
    what Warden itself looks through. When most of everybody raises the alert, and no single source or region explains
    that, everybody is the one cause.
    """
    particular = _find(raised, [one for one in shared if one.kind != "everybody"])
    explained = sum(len(one.partners) for one in particular)
    if len(particular) == 1 and len(raised) - explained < LEAST_PARTNERS:
        return particular
    most = [one for one in shared if one.kind == "everybody" and _share(raised, one) >= MOST_SHARE]
    return _find(raised, most) or particular


def _find(raised: Sequence[str], shared: Sequence[Shared]) -> list[CommonCause]:
    causes = []
    left = dict.fromkeys(raised)
    for one in sorted(shared, key=lambda one: (not one.known, -_share(raised, one), one.kind != "source", one.key)):
        touched = [partner for partner in left if partner in one.partners]
        if len(touched) >= LEAST_PARTNERS and len(touched) >= LEAST_SHARE * len(one.partners):
            causes.append(CommonCause(one.kind, one.key, tuple(touched), len(one.partners), one.known))
            for partner in touched:
                del left[partner]
    return causes


def _share(raised: Sequence[str], one: Shared) -> float:
    touched = sum(partner in one.partners for partner in raised)
    return touched / len(one.partners) if one.partners else 0.0


def inverted(groups: Mapping[str, Collection[str]], kind: Kind, known: Collection[str] = ()) -> list[Shared]:
    """Return what is shared, from which partner has which: {partner: [source or region, …]}; `known`: see Shared."""
    members: dict[str, set[str]] = {}
    for partner, keys in groups.items():
        for key in keys:
            members.setdefault(key, set()).add(partner)
    return [Shared(kind, key, partners, key in known) for key, partners in sorted(members.items())]
