"""Which outlet published an article, in one spelling: its registrable domain, or else its name."""

import ipaddress
import re
from functools import lru_cache
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from scorers.news.text import normalise

MOST = 100
"""Characters kept of a name."""

AGGREGATORS = frozenset(
    {"google.com", "bing.com", "yahoo.com", "msn.com", "feedburner.com", "baidu.com", "smartnews.com"}
)
"""Domains under which many outlets appear: there the name tells more, if there is one."""

_HOST = re.compile(r"[^\W_](?:[\w-]*\.[^\W_][\w-]*)+")


def outlet_of(url: str, name: str = "") -> str:
    """Return the registrable domain of an article's address ("news.example.co.uk" → "example.co.uk").

    For an address that has none, and on aggregators, the given name of the outlet, folded, and of a name that is a host
    ("www.example.com") the domain; "" where nothing is known.
    """
    domain = _registrable(_host(url))
    named = normalise(name).casefold()[:MOST]
    if not named or (domain and domain not in AGGREGATORS):
        return domain
    return (_registrable(named) if _HOST.fullmatch(named) else "") or named


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # "http://[": a feed may link to anything
        return ""


@lru_cache(maxsize=10_000)
def _registrable(host: str) -> str:
    """Return the domain one registers under a public suffix; an IP address stands for itself."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return (_suffixes().privatesuffix(host) or "")[:MOST]


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
