"""The codes of countries and currencies that there are, after CLDR: a code that looks like one may be a slip."""

from datetime import date
from functools import cache

from babel.core import get_global

_NO_COUNTRY, _NO_CURRENCY = "ZZ", "XXX"
_WITHOUT_ZONE = frozenset({"BV", "HM", "XK"})
"""Two islands nobody lives on, and Kosovo: ISO 3166-1 leaves XK to its users, and all of them mean this."""
_LONG_GONE = date(2000, 1, 1)


@cache
def countries() -> frozenset[str]:
    """Return the codes of ISO 3166-1 alpha-2, and XK."""
    territories = {code for code in get_global("zone_territories").values() if len(code) == 2 and code.isalpha()}
    return frozenset(territories - {_NO_COUNTRY} | _WITHOUT_ZONE)


@cache
def currencies() -> frozenset[str]:
    """Return the codes of ISO 4217 that some country has used since 2000: a contract of then may name one."""
    used = get_global("territory_currencies").items()
    return frozenset(
        code
        for territory, spells in used
        if territory != _NO_COUNTRY
        for code, _since, until, _tender in spells
        if code != _NO_CURRENCY and (until is None or date(*until) >= _LONG_GONE)
    )


def is_country(code: str) -> bool:
    """Tell whether there is a country of this code, in capitals."""
    return code in countries()


def is_currency(code: str) -> bool:
    """Tell whether there is a currency of this code, in capitals."""
    return code in currencies()
