"""The address of an article, the same whoever links to it: redirectors unwrapped, tracking and fragments removed."""

import re
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

MAX_URL = 2000

_TRACKING = re.compile(
    r"utm_\w+|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|igshid|mc_cid|mc_eid|_hsenc|_hsmi|mkt_tok"
    r"|at_(?:medium|campaign|custom\w*)|cmpid|ocid|ito|guccounter|guce_referrer\w*|ref_src|vero_id|spm|wt\.\w+",
    re.IGNORECASE,
)
_REDIRECTORS = (
    (re.compile(r"(?:www\.)?google\.[a-z.]{2,6}"), re.compile(r"/url"), ("url", "q")),
    (re.compile(r"(?:www\.)?bing\.com"), re.compile(r"/(?:news/apiclick\.aspx|ck/a)"), ("url",)),
    (re.compile(r"l\.(?:facebook|instagram)\.com"), re.compile(r"/(?:l\.php)?"), ("u",)),
    (re.compile(r"(?:www\.)?youtube\.com"), re.compile(r"/redirect"), ("q",)),
    (re.compile(r"out\.reddit\.com"), re.compile(r"/.*"), ("url",)),
)
"""Host, path and parameters of pages that only send on to the address in a parameter."""
_ROUTE = re.compile(r"[!/].*")  # a fragment that names a page of its own, in sites that are one script


def web_address(link: object, base_url: str) -> str:
    """Return an absolute http(s) address, "" for anything else: javascript:, data:, a mail address."""
    try:
        address = urljoin(base_url, str(link).strip()) if link else ""
        parts = urlsplit(address)
    except ValueError:
        return ""
    is_usable = parts.scheme in ("http", "https") and parts.netloc and len(address) <= MAX_URL and address.isprintable()
    return address if is_usable else ""


def unwrapped(address: str) -> str:
    """Return where a well-known redirector would send on to, else the address itself."""
    try:
        parts = urlsplit(address)
        for host, path, names in _REDIRECTORS:
            if host.fullmatch(parts.hostname or "") and path.fullmatch(parts.path):
                query = parse_qs(parts.query)
                targets = [web_address(query[name][0], "") for name in names if name in query]
                return next(filter(None, targets), address)
    except ValueError:
        pass
    return address


def canonical(address: str) -> str:
    """Return the address without its fragment and what only tells the site where its reader came from."""
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return address
    kept = [(name, value) for name, value in query if not _TRACKING.fullmatch(name)]
    fragment = parts.fragment if _ROUTE.fullmatch(parts.fragment) else ""
    written = parts.query if len(kept) == len(query) else urlencode(kept)
    host = parts.netloc.rpartition("@")[2]  # without a password, which some feeds give away
    return urlunsplit((parts.scheme, host, parts.path or "/", written, fragment))


def host_of(address: str) -> str:
    """Return the host of an address as a name for its outlet, "" if it has none."""
    try:
        return (urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
