"""Fields of a form for risk criteria: what stands in each, and reading what was typed. Empty means: as elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warden.errors import Fault, InvalidInput
from warden.i18n import N_
from warden.web.fields import FieldInfo, Kind
from warden.web.pages.fault_words import Told

UNREADABLE: Mapping[Kind, str] = {
    "number": N_("found %(found)s; expected a number"),
    "whole number": N_("found %(found)s; expected a whole number"),
    "yes or no": N_("found %(found)s; expected true or false"),
    "list": N_("found %(found)s; expected numbers with commas between them"),
    "table": N_("found %(found)s; expected one line each: name: number"),
}
"""What is said of a field that cannot be read."""

NOT_USED = "not used"
"""Value of the choice that switches an optional field off."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of the form. `otherwise` holds where it is left empty; `typed` is what came with a refused form."""

    field: FieldInfo
    otherwise: Any
    own: Mapping[str, Any]
    typed: Mapping[str, str] | None
    faults: Sequence[Told]

    @property
    def text(self) -> str:
        """Return what stands in the field."""
        if self.typed is not None:
            return self.typed.get(self.field.name, "")
        return _text(self.own[self.field.name]) if self.field.name in self.own else ""

    @property
    def is_off(self) -> bool:
        """Tell whether the choice "not used" is made."""
        if self.typed is not None:
            return self.typed.get(f"{self.field.name}.off") == NOT_USED
        return self.field.name in self.own and self.own[self.field.name] is None


def parsed(fields: Sequence[FieldInfo], typed: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that were filled in. Raises InvalidInput with a fault for each that cannot be read.

    Whether the values make sense is for the store to say.
    """
    data: dict[str, Any] = {}
    faults = []
    for field in fields:
        text = typed.get(field.name, "").strip()
        if field.nullable and typed.get(f"{field.name}.off") == NOT_USED:
            data[field.name] = None
        elif text:
            try:
                data[field.name] = _value(field, text)
            except ValueError:
                faults.append(Fault.of(field.name, UNREADABLE[field.kind], found=f"{text!r:.80}"))
    if faults:
        raise InvalidInput("The form cannot be read.", faults)
    return data


def _value(field: FieldInfo, text: str) -> Any:
    if field.kind == "yes or no":
        return {"yes": True, "no": False}.get(text, text)
    if field.kind == "whole number":
        return int(text)
    if field.kind == "list":
        return [float(part) for part in text.split(",")]
    if field.kind == "table":
        lines = [line.rpartition(":") for line in text.splitlines() if line.strip()]
        return {name.strip(): float(value) for name, _, value in lines}
    return float(text)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {part:.12g}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(f"{part:.12g}" for part in value)
    return f"{value:.12g}"
