"""Draws pages: picks the reader's language, and renders templates with dates and numbers written that way."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_timedelta
from babel.numbers import format_currency
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from warden import wording
from warden.domain import LOCALES
from warden.i18n import closest_locale, translations
from warden.web import assets, words
from warden.wording import Reader

FOLDER = Path(__file__).parent / "templates"
LANGUAGE_COOKIE = "warden_language"
LANGUAGES = {"en": "English", "zh-Hant": "繁體中文", "zh-Hans": "简体中文", "vi": "Tiếng Việt"}
"""Every language in its own name, for the switch."""

DASH = "–"
"""Printed where there is no value; the sentence beside it says why."""


def locale_of(request: Request, own: str | None, default: str) -> str:
    """Return the language to answer in: the user's own, `?lang=`, the cookie, the browser's, the service's."""
    if own:
        return closest_locale(own)
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return closest_locale(asked or _preferred(request.headers.get("accept-language", "")) or default)


def _preferred(header: str) -> str | None:
    """Return the heaviest tag of Accept-Language among the languages there are; None if there is none."""
    weighed = []
    for position, part in enumerate(header.split(",")[:20]):
        tag, _, weight = part.strip().partition(";q=")
        if tag.split("-")[0].lower() in {locale.split("-")[0] for locale in LOCALES}:
            weighed.append((-_weight(weight), position, tag))
    return min(weighed)[2] if weighed else None


def _weight(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0


def render(name: str, reader: Reader, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """Return the page made of template `name`. A name the template uses and `context` lacks is an error."""
    template = environment(reader.locale).get_template(name)
    body = template.render(reader=reader, languages=LANGUAGES, **context)
    # Pages hold what only the signed-in may see, in the language they chose: no cache may keep them.
    return HTMLResponse(body, status, {"Cache-Control": "no-store", "Content-Language": reader.locale})


@lru_cache(maxsize=len(LOCALES))
def environment(locale: str) -> Environment:
    """Return the templates of one language: texts, filters and number formats are fixed in it."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(translations(locale), newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(moment=moment, local_input=local_input, say=say, named=named, web_address=web_address)
    made.filters.update(_plain_filters(locale))
    made.globals.update(asset=assets.address, dash=DASH, words=words)
    return made


def web_address(value: str) -> str:
    """Return an address that came from outside if a browser may follow it, else "#": never `javascript:`."""
    return value if value.startswith(("https://", "http://")) else "#"


@pass_context
def moment(context: Context, value: datetime | None) -> str:
    """Date and HH:mm in the reader's zone, which the foot of every page names."""
    if value is None:
        return DASH
    reader: Reader = context["reader"]
    local = value.astimezone(ZoneInfo(reader.time_zone))
    return f"{wording.day(local.date(), reader.locale)} {local:%H:%M}"


@pass_context
def local_input(context: Context, value: datetime | None) -> str:
    """The value of an `<input type="datetime-local">`, in the reader's zone."""
    return "" if value is None else f"{value.astimezone(ZoneInfo(context['reader'].time_zone)):%Y-%m-%dT%H:%M}"


@pass_context
def say(context: Context, fact: wording.Fact) -> str:
    """A stored {"message", "params"} as a sentence."""
    reader: Reader = context["reader"]
    return reader.fact(fact)


@pass_context
def named(context: Context, names: Mapping[str, str]) -> str:
    """One of the names that data (a rule, a matrix) brings in four languages."""
    reader: Reader = context["reader"]
    return reader.name(names)


def _plain_filters(locale: str) -> dict[str, Any]:
    """Return the filters that need only the language. Each prints a dash for None: unknown is never shown as 0."""
    babel = Locale.parse(locale, sep="-")
    tr = translations(locale).gettext

    def day(value: date | None) -> str:
        return DASH if value is None else wording.day(value, locale)

    def ago(value: datetime | None, now: datetime) -> str:
        return DASH if value is None else format_timedelta(value - now, add_direction=True, locale=babel)

    def number(value: float | Decimal | None) -> str:
        return DASH if value is None else wording.number(float(value), locale)

    def percent(value: float | None) -> str:
        return DASH if value is None else wording.percent(value, locale)

    def money(value: Decimal | None, currency: str | None) -> str:
        if value is None or currency is None:
            return number(value)
        return format_currency(value, currency, format_type="standard", locale=babel)

    def word(value: str | None) -> str:
        """A word of warden.domain (a state, a role, a stage) for people."""
        return DASH if value is None else tr(words.WORDS[value])

    def called(value: str, names: Mapping[str, str]) -> str:
        """What `names` calls a value; the value itself where a plugin brought it."""
        return tr(names[value]) if value in names else value

    def country(code: str | None) -> str:
        return DASH if code is None else babel.territories.get(code, code)

    return {
        "day": day,
        "ago": ago,
        "number": number,
        "percent": percent,
        "money": money,
        "word": word,
        "called": called,
        "country": country,
    }
