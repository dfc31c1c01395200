"""Facts, numbers and dates in the reader's words. Pure; it decides nothing and reads no clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from warden.domain import LOCALES
from warden.i18n import N_, Translate, translations

Fact = Mapping[str, Any]
"""A sentence as it is stored: {"message": English msgid with %(name)s placeholders, "params": {name: value}}."""

UNKNOWN = N_("unknown")

NEARLY_NOTHING = 0.0005
"""A share below this would round to nothing."""

SURE = 0.95
"""No likelihood of the future is told more exactly than as being over this: its digits mean nothing there."""

OVER = N_("over %(share)s")

_SINGULARS = {
    "alarms": "alarm",
    "alerts": "alert",
    "articles": "article",
    "cases": "case",
    "characters": "character",
    "conversations": "conversation",
    "days": "day",
    "deliveries": "delivery",
    "hours": "hour",
    "items": "item",
    "labels": "label",
    "messages": "message",
    "milestones": "milestone",
    "partners": "partner",
    "points": "point",
    "quarters": "quarter",
    "seconds": "second",
    "steps": "step",
    "weeks": "week",
}
"""What sentences count; "times" multiplies as well, and stays."""

_COUNTED = re.compile(rf"(?<!of the )%\((\w+)\)s ((?:false |recent |working )?)({'|'.join(_SINGULARS)})\b")
"""A count and its noun; "1 of the 1 deliveries" is one of several, however many there are."""

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ISO_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}[\d:.]*(?:Z|[+-]\d{2}:\d{2})")


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a text is written: language, formats and the IANA zone that moments are told in."""

    tr: Translate
    locale: str
    time_zone: str = "UTC"

    def say(self, message: str, **params: Any) -> str:
        """Return one translated sentence with its parameters filled in."""
        return say(self.tr, {"message": message, "params": params}, self.locale, self.time_zone)

    def fact(self, fact: Fact) -> str:
        """Return a stored sentence in this reader's words."""
        return say(self.tr, fact, self.locale, self.time_zone)

    def name(self, names: Mapping[str, str]) -> str:
        """Choose from names by locale ({"en": "High", "vi": "Cao"}); English when the language is missing."""
        return _chosen(names, self.locale)


def reader_of(locale: str, time_zone: str = "UTC") -> Reader:
    """Return the reader of one of the four locales, with its catalogue."""
    return Reader(translations(locale).gettext, locale, time_zone)


def say(tr: Translate, fact: Fact, locale: str, time_zone: str = "UTC") -> str:
    """Render a stored fact in the reader's language.

    Whole numbers print without decimals, others with one; a parameter named `…_share`, `…_rate` or `p_…` (0..1) as a
    percentage, `likelihood_share` as `likelihood` tells it, `…_score` with three decimals; ISO dates and moments in the
    locale's form, moments in `time_zone`; None as "unknown"; a parameter that is itself a fact is rendered first;
    {"names": {locale: text}} is the text in the reader's language, English without one. A message without parameters,
    which may be a person's own words, stays as it is. What is counted is in the singular in English for 1; the other
    languages have none.
    """
    if not fact["message"]:
        return ""
    if not fact.get("params"):
        return tr(fact["message"])
    params = {name: _spoken(tr, name, value, locale, time_zone) for name, value in fact["params"].items()}
    message = tr(fact["message"])
    return (_in_singular(message, params) if locale == LOCALES[0] else message) % params


def _in_singular(message: str, params: Mapping[str, str]) -> str:
    """Return a message of ours with the nouns of what there is 1 of in the singular."""

    def counted(found: re.Match[str]) -> str:
        noun = _SINGULARS[found[3]] if params[found[1]] == "1" else found[3]
        return f"%({found[1]})s {found[2]}{noun}"

    return _COUNTED.sub(counted, message) if "1" in params.values() else message


def number(value: float, locale: str) -> str:
    """Return a number with the locale's separators: no decimals when whole, else one."""
    text: str = format_decimal(round(value, 1), format="#,##0.#", locale=_babel(locale))
    return text


def score(value: float, locale: str) -> str:
    """Return how good something was found to be, always with three decimals: there the third one decides."""
    text: str = format_decimal(value, format="0.000", locale=_babel(locale))
    return text


def percent(share: float, locale: str) -> str:
    """Return a share 0..1 as a percentage: whole, below ten and above 99 per cent with one decimal.

    What is nearly nothing or nearly all is never rounded to it: "<0.1%", ">99.9%".
    """
    if 0 < share < NEARLY_NOTHING:
        return "<" + percent(0.001, locale)
    if 1 - NEARLY_NOTHING < share < 1:
        return ">" + percent(0.999, locale)
    pattern = "#,##0.#%" if abs(share) < 0.1 or share > 0.99 else "#,##0%"
    text: str = format_percent(share, format=pattern, locale=_babel(locale))
    return text


def likelihood(tr: Translate, share: float, locale: str) -> str:
    """Return a likelihood 0..1 as a percentage, from SURE on as "over 95%"."""
    return tr(OVER) % {"share": percent(SURE, locale)} if share >= SURE else percent(share, locale)


def day(value: date, locale: str) -> str:
    """Return a calendar date in the locale's medium form."""
    return format_date(value, "medium", locale=_babel(locale))


def moment(value: datetime, locale: str, time_zone: str = "UTC") -> str:
    """Return an aware moment as date, HH:mm and the zone's name.

    The time is always HH:mm: the medium form of Traditional Chinese names parts of the day instead.
    """
    local = value.astimezone(ZoneInfo(time_zone))
    clock = format_datetime(local, "HH:mm", locale=_babel(locale))
    return f"{day(local.date(), locale)} {clock} ({time_zone})"


def _chosen(names: Mapping[str, str], locale: str) -> str:
    return names.get(locale) or names.get(LOCALES[0]) or next(iter(names.values()), "")


def _spoken(tr: Translate, name: str, value: Any, locale: str, time_zone: str) -> str:
    if value is None:
        return tr(UNKNOWN)
    if isinstance(value, Mapping) and "message" in value:
        return say(tr, value, locale, time_zone)
    if isinstance(value, Mapping) and "names" in value:
        return _chosen(value["names"], locale)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _spoken_text(value, locale, time_zone)
    if name == "likelihood_share":
        return likelihood(tr, value, locale)
    if name.endswith(("_share", "_rate")) or name.startswith("p_"):
        return percent(value, locale)
    return score(value, locale) if name.endswith("_score") else number(value, locale)


def _spoken_text(value: Any, locale: str, time_zone: str) -> str:
    if isinstance(value, datetime):
        return moment(value, locale, time_zone)
    if isinstance(value, date):
        return day(value, locale)
    text = str(value)
    try:
        if _ISO_DAY.fullmatch(text):
            return day(date.fromisoformat(text), locale)
        if _ISO_MOMENT.fullmatch(text):
            return moment(datetime.fromisoformat(text), locale, time_zone)
    except (ValueError, OverflowError):
        return text  # somebody's words that only look like a date
    return text


def _babel(locale: str) -> str:
    return locale.replace("-", "_")
