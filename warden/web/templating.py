"""Draws pages: picks the reader's language, and renders templates with dates and numbers written that way."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_timedelta
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal
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
    made.filters.update(
        moment=moment,
        day_or_moment=day_or_moment,
        local_day=local_day,
        local_input=local_input,
        say=say,
        named=named,
        web_address=web_address,
    )
    made.filters.update(_plain_filters(locale))
    made.globals.update(asset=assets.address, dash=DASH, words=words)
    return made


def web_address(value: str) -> str:
    """Return an address that came from outside if a browser may follow it, else "#": never `javascript:`."""
    return value if value.startswith(("https://", "http://")) else "#"


@pass_context
def moment(context: Context, value: datetime | str | None) -> str:
    """Date and HH:mm in the reader's zone, which the foot of every page names; also of a moment stored as ISO 8601."""
    if value is None:
        return DASH
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    reader: Reader = context["reader"]
    local = value.astimezone(ZoneInfo(reader.time_zone))
    return f"{wording.day(local.date(), reader.locale)} {local:%H:%M}"


@pass_context
def day_or_moment(context: Context, value: datetime) -> str:
    """When something happened: the date alone where there is no time of day, kept as midnight UTC."""
    utc = value.astimezone(UTC)
    return wording.day(utc.date(), context["reader"].locale) if utc.time() == time(0) else moment(context, value)


@pass_context
def local_day(context: Context, value: datetime) -> str:
    """The date of a moment in the reader's zone."""
    reader: Reader = context["reader"]
    return wording.day(value.astimezone(ZoneInfo(reader.time_zone)).date(), reader.locale)


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
    return {**_figures(locale), **_names(locale), "setting": partial(_setting, locale)}


def _figures(locale: str) -> dict[str, Any]:
    babel = Locale.parse(locale, sep="-")
    tr = translations(locale).gettext

    def day(value: date | None) -> str:
        return DASH if value is None else wording.day(value, locale)

    def weekday(value: int) -> str:
        """What a day of the week is called; 0 is Monday."""
        return str(babel.days["stand-alone"]["wide"][value])

    def ago(value: datetime | None, now: datetime) -> str:
        return DASH if value is None else format_timedelta(value - now, add_direction=True, locale=babel)

    def number(value: float | Decimal | None) -> str:
        return DASH if value is None else wording.number(float(value), locale)

    def percent(value: float | None) -> str:
        return DASH if value is None else wording.percent(value, locale)

    def likelihood(value: float | None) -> str:
        return DASH if value is None else wording.likelihood(tr, value, locale)

    def money(value: Decimal | None, currency: str | None) -> str:
        if value is None or currency is None:
            return number(value)
        return format_currency(value, currency, format_type="standard", locale=babel)

    def signed(value: float | None) -> str:
        """A part of a sum, with two decimals and its sign; nothing is a plain 0."""
        return DASH if value is None else str(format_decimal(value, _sign(value, "0.00"), locale=babel))

    def decimals(value: float | None) -> str:
        """A score or a weight, with up to three decimals."""
        return DASH if value is None else str(format_decimal(value, "0.###", locale=babel))

    def points(value: float | None) -> str:
        """A difference in percentage points, with one decimal and its sign."""
        return DASH if value is None else str(format_decimal(value, _sign(value, "0.0"), locale=babel))

    filters = (day, weekday, ago, number, percent, likelihood, money, signed, decimals, points)
    return {made.__name__: made for made in filters}


def _sign(value: float, digits: str) -> str:
    """Return the pattern of a number with its sign, which what rounds to nothing has not."""
    is_nothing = abs(value) < 0.5 * 10.0 ** -len(digits.partition(".")[2])
    return "0;0" if is_nothing else f"+#,##{digits};-#,##{digits}"


def _names(locale: str) -> dict[str, Any]:
    babel = Locale.parse(locale, sep="-")
    tr = translations(locale).gettext

    def word(value: str | None) -> str:
        """A word of warden.domain (a state, a role, a stage) for people."""
        return DASH if value is None else tr(words.WORDS[value])

    def called(value: str, names: Mapping[str, str]) -> str:
        """What `names` calls a value; the value itself where a plugin brought it."""
        return tr(names[value]) if value in names else value

    def listed(values: Iterable[str]) -> str:
        """Several words as people write them in a row: "a, b and c"."""
        return format_list(list(values), locale=babel)

    def country(code: str | None) -> str:
        return DASH if code is None else babel.territories.get(code, code)

    return {"word": word, "called": called, "listed": listed, "country": country}


def _setting(locale: str, value: Any, unit: str | None) -> str:
    """The value of a criterion's field; `unit` "share" makes it a percentage."""
    tr = translations(locale).gettext
    if value is None:
        return tr(words.NOT_USED)
    if isinstance(value, bool):
        return tr(words.YES if value else words.NO)
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_setting(locale, part, unit)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_setting(locale, part, unit) for part in value)
    if unit == "share":
        return wording.percent(value, locale)
    return str(format_decimal(value, "#,##0.####", locale=Locale.parse(locale, sep="-")))
