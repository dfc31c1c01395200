"""The form in which a rule is drafted: what stands in it, and the definition that was typed. It stores nothing."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from warden.domain import LOCALES
from warden.errors import Fault
from warden.i18n import N_
from warden.web.pages.fault_words import Told, told
from warden.wording import Reader

HOURS = {"for_seconds": "for_hours", "keep_firing_for_seconds": "keep_hours", "no_data_for_seconds": "no_data_hours"}
"""Durations are typed in hours."""

SECONDS = 3600

MOST_HOURS = 366 * 24

PLACES = {**HOURS, "names": "names.en", "descriptions": "descriptions.en"}
"""Fields whose faults belong to an entry of another name."""


def entered(definition: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands in the form for a definition, by entry."""
    texts = {
        f"{field}.{locale}": definition[field].get(locale, "")
        for field in ("names", "descriptions")
        for locale in LOCALES
    }
    return {
        **texts,
        **{field: definition[field] for field in ("condition", "inhibit_when", "severity", "no_data")},
        **{typed: f"{definition[field] / SECONDS:.12g}" for field, typed in HOURS.items()},
        "parameters": "\n".join(f"{name} = {_written(value)}" for name, value in definition["parameters"].items()),
        "inhibited_by": "\n".join(f"{one['rule']}: {', '.join(one['equal'])}" for one in definition["inhibited_by"]),
        "meeting_within_days": ""
        if definition["meeting_within_days"] is None
        else str(definition["meeting_within_days"]),
        "enabled": "yes" if definition["enabled"] else "",
    }


def typed(form: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """Return the definition that was typed, without what cannot be read, and what is wrong with that."""
    found: dict[str, Any] = {}
    faults: list[Fault] = []
    for field in ("names", "descriptions"):
        texts = {locale: form.get(f"{field}.{locale}", "").strip() for locale in LOCALES}
        found[field] = {locale: text for locale, text in texts.items() if text}
    for field in ("condition", "inhibit_when", "severity", "no_data"):
        found[field] = form.get(field, "").replace("\r\n", "\n").strip()
    for field, entry in HOURS.items():
        hours = _number(form.get(entry, "") or "0")
        if hours is None or not 0 <= hours <= MOST_HOURS:
            what = N_("found %(found)s; expected hours from 0 to %(most)s")
            faults.append(Fault.of(field, what, found=f"{form.get(entry, '')!r:.40}", most=MOST_HOURS))
        else:
            found[field] = round(hours * SECONDS)
    days = form.get("meeting_within_days", "").strip()
    if days and not (days.isascii() and days.isdigit() and len(days) <= 3):
        what = N_("found %(found)s; expected working days, or nothing")
        faults.append(Fault.of("meeting_within_days", what, found=f"{days!r:.40}"))
    else:
        found["meeting_within_days"] = int(days) if days else None
    found["enabled"] = bool(form.get("enabled"))
    found["parameters"] = _parameters(form.get("parameters", ""), faults)
    found["inhibited_by"] = _inhibitions(form.get("inhibited_by", ""))
    return found, faults


def value_of(name: str, text: str, parameters: Mapping[str, Any]) -> Any:
    """Return the value typed for a setting: JSON where it is some, words like yes and no, else the text itself."""
    text = text.strip()
    if name == "enabled" and text.casefold() in ("yes", "no"):
        return text.casefold() == "yes"
    if name in HOURS and name not in parameters:
        hours = _number(text)
        return text if hours is None else round(hours * SECONDS)
    if name == "meeting_within_days" and not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def by_entry(reader: Reader, faults: Sequence[Fault]) -> dict[str, list[Told]]:
    """Return faults in a reader's words, by the entry they stand beside."""
    found: dict[str, list[Told]] = {}
    for fault in faults:
        field = fault.where.split(",")[0].split(".")[0].split("[")[0]
        found.setdefault(PLACES.get(field, field), []).append(told(reader, fault, field))
    return found


def _parameters(text: str, faults: list[Fault]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line, written in enumerate(text.splitlines(), start=1):
        if not written.strip():
            continue
        name, sign, value = (part.strip() for part in written.partition("="))
        number = _number(value) if sign else None
        if not name or number is None or name in found:
            what = N_("expected a name of its own and a number: most = 0.25")
            faults.append(Fault.of(f"parameters, line {line}", what))
        else:
            found[name] = number
    return found


def _inhibitions(text: str) -> list[dict[str, Any]]:
    found = []
    for written in text.splitlines():
        if written.strip():
            rule, _, equal = written.partition(":")
            named = [part.strip() for part in equal.split(",") if part.strip()]
            # A tag is written "tag:<prefix>"; only the first colon of a line parts the rule from the attributes.
            found.append({"rule": rule.strip(), "equal": named})
    return found


def _written(value: float) -> str:
    """Return a number so that reading it gives the same one: who saves a draft changes no limit unseen."""
    return repr(float(value)).removesuffix(".0")


def _number(text: str) -> float | None:
    try:
        found = float(text.strip())
    except ValueError:
        return None
    return found if abs(found) < 1e300 else None
