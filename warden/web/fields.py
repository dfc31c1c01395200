"""The fields of risk criteria as the API and the forms show them: kind, unit, range, default. It reads no database."""

import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo as Declared
from pydantic_core import PydanticUndefined, to_jsonable_python

from warden.i18n import N_
from warden.store import criteria

Kind = Literal["number", "whole number", "yes or no", "list", "table"]

KINDS: tuple[tuple[type, Kind], ...] = (
    (bool, "yes or no"),
    (float, "number"),
    (int, "whole number"),
    (list, "list"),
    (tuple, "list"),
    (dict, "table"),
)
"""(Python's type, how it is called); of a union the first that is in it."""

UNITS = (
    ("days", "days"),
    ("weeks", "weeks"),
    ("months", "months"),
    ("hours", "hours"),
    ("share", "share"),
    ("rate", "share"),
    ("quantile", "share"),
    ("least", "share"),
    ("most", "share"),
    ("fall", "share"),
    ("floor", "share"),
    ("count", "count"),
    ("likelihood", "share"),
    ("margin", "log-odds"),
)
"""(last word of a field's name, unit of its value); a share is 0 to 1."""


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of a criterion. `lowest` and `highest` bound it, None where it has no bound."""

    name: str
    kind: Kind
    unit: str | None
    default: Any
    nullable: bool
    lowest: float | None
    highest: float | None
    description: str


ENABLED = FieldInfo(
    name=criteria.ENABLED,
    kind="yes or no",
    unit=None,
    default=True,
    nullable=False,
    lowest=None,
    highest=None,
    description=N_("Whether this outcome is looked at."),
)
"""The field every outcome has besides its own."""


def fields_of(name: str) -> list[FieldInfo]:
    """Return the fields of a criterion in the order they are declared, an outcome's switch first. Raises KeyError."""
    own = [_info(field, declared) for field, declared in criteria.shipped()[name].model_fields.items()]
    return own if name in (criteria.IMPACT, criteria.PLACEMENT) else [ENABLED, *own]


def _info(name: str, declared: Declared) -> FieldInfo:
    kinds = _parts(declared.annotation)
    default = declared.get_default(call_default_factory=True)
    return FieldInfo(
        name=name,
        kind=_kind(kinds),
        unit=next((unit for word, unit in UNITS if name.split("_")[-1] == word), None),
        default=None if default is PydanticUndefined else to_jsonable_python(default),
        nullable=type(None) in kinds,
        lowest=_bound(declared.metadata, (Ge, Gt)),
        highest=_bound(declared.metadata, (Le, Lt)),
        description=declared.description or "",
    )


def _parts(annotation: Any) -> Sequence[Any]:
    """Return the members of a union, or the one type there is, without what is annotated."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [part for member in typing.get_args(annotation) for part in _parts(member)]
    return _parts(typing.get_args(annotation)[0]) if typing.get_origin(annotation) is Annotated else (annotation,)


def _kind(kinds: Sequence[Any]) -> Kind:
    origins = {typing.get_origin(kind) or kind for kind in kinds}
    return next(name for kind, name in KINDS if kind in origins)


def _bound(metadata: Sequence[Any], kinds: tuple[type, type]) -> float | None:
    found = (one for one in metadata if isinstance(one, kinds))
    return next((float(getattr(one, type(one).__name__.lower())) for one in found), None)
