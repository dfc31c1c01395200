"""Partners' names as a query the GDELT DOC 2.0 API accepts, several partners in one.

Its rules, from its documentation and its refusals: alternatives stand in parentheses and nothing else does; a phrase is
quoted and has five characters or more; a single word is not quoted; a keyword of one or two letters is too short; the
whole query has some 250 characters at most; keywords are English, because articles are searched in translation.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from collectors.base import Named

MAX_QUERY = 240
MIN_WORD, MIN_PHRASE = 3, 5
MAX_TERMS = 12
"""Of one query. More would leave too few of the 250 articles of an answer to each."""

_UNSEARCHABLE = re.compile(r"[^A-Za-z0-9 .&'\-]+")
_OPERATORS = frozenset({"and", "or", "not"})


@dataclass(frozen=True, slots=True)
class Sought:
    """A partner and the terms it is searched by; none if it has no name that can be."""

    partner: str
    terms: tuple[str, ...]


def sought(named: Named) -> Sought:
    """Return a partner's names as terms, in order, each once."""
    terms = (term_of(name) for name in named.names)
    return Sought(named.partner, tuple(dict.fromkeys(term for term in terms if term)))


def term_of(name: str) -> str:
    """Return a name as a term of a query, "" for one that cannot be searched: not in Latin letters, or too short."""
    plain = unicodedata.normalize("NFKD", name.replace("đ", "d").replace("Đ", "D"))
    letters = [letter for letter in plain if not unicodedata.combining(letter)]
    if any(letter.isalpha() and not letter.isascii() for letter in letters):
        return ""
    words = _UNSEARCHABLE.sub(" ", "".join(letters)).split()
    text = " ".join(word for word in words if re.search("[A-Za-z0-9]", word) or word == "&").strip(" .&'-")
    if len(words) == 1 and text.isalnum():
        return text if len(text) >= MIN_WORD and text.lower() not in _OPERATORS else ""
    return f'"{text}"' if len(text) >= MIN_PHRASE else ""


def query_of(group: Sequence[Sought], languages: Sequence[str]) -> str:
    """Return the query for partners together, in any of the languages GDELT names ("english"); none means all."""
    terms = dict.fromkeys(term for one in group for term in one.terms)
    parts = [_any_of(list(terms)), _any_of([f"sourcelang:{language}" for language in languages])]
    return " ".join(filter(None, parts))


def first_group(waiting: Sequence[Sought], languages: Sequence[str]) -> Sequence[Sought]:
    """Return as many partners from the front as one query holds, at least one; its terms are cut to what fits."""
    group = [_fitting(waiting[0], languages)]
    for one in waiting[1:]:
        longer = [*group, one]
        if sum(len(other.terms) for other in longer) > MAX_TERMS or len(query_of(longer, languages)) > MAX_QUERY:
            break
        group = longer
    return group


def _fitting(one: Sought, languages: Sequence[str]) -> Sought:
    terms = one.terms[:MAX_TERMS]
    while len(terms) > 1 and len(query_of([Sought(one.partner, terms)], languages)) > MAX_QUERY:
        terms = terms[:-1]
    return Sought(one.partner, terms)


def _any_of(terms: Sequence[str]) -> str:
    return f"({' OR '.join(terms)})" if len(terms) > 1 else "".join(terms)
