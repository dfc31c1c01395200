"""What a common cause is called: its title, and why it is told, in words."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy.orm import Session

from warden.domain import LOCALES
from warden.i18n import N_
from warden.models import Notice, Rule
from warden.rules import common_cause
from warden.rules.common_cause import CommonCause
from warden.store import sharing
from warden.wording import Fact, reader_of

SOURCE_TITLE = N_("Common cause: %(rules)s for %(partners)s partners of the source %(name)s")
SOURCE_WHY = N_(
    "Within %(hours)s hours this fired for %(partners)s of the %(of)s partners that the source %(name)s speaks of: "
    "%(rules)s. Look at the source before you accuse the partners."
)
BLIND_WHY = N_(
    "Within %(hours)s hours this fired for %(partners)s of the %(of)s partners that the source %(name)s speaks of: "
    "%(rules)s. The source has been blind since %(since)s: look at it before you accuse the partners."
)
REGION_TITLE = N_("Common cause: %(rules)s for %(partners)s partners in the region %(name)s")
REGION_WHY = N_(
    "Within %(hours)s hours this fired for %(partners)s of the %(of)s partners in the region %(name)s: %(rules)s. Look "
    "at what happens there before you accuse the partners."
)
EVERYBODY_TITLE = N_("Common cause: %(rules)s for %(partners)s partners, most of those watched")
EVERYBODY_WHY = N_(
    "Within %(hours)s hours this fired for %(partners)s of the %(of)s partners that are watched: %(rules)s. Look at "
    "what concerns all of them, Warden itself included, before you accuse the partners."
)

IN_WORDS: Mapping[common_cause.Kind | Literal["blind"], tuple[str, str]] = {
    "source": (SOURCE_TITLE, SOURCE_WHY),
    "blind": (SOURCE_TITLE, BLIND_WHY),
    "region": (REGION_TITLE, REGION_WHY),
    "everybody": (EVERYBODY_TITLE, EVERYBODY_WHY),
}


def in_words(session: Session, of: Sequence[Rule], cause: CommonCause) -> tuple[Fact, Fact]:
    """Return the title of a common cause of these rules' alerts, and why it is told."""
    source = sharing.source(session, cause.key) if cause.kind == "source" else None
    params: dict[str, Any] = {
        "name": source.name if source else cause.key,
        "partners": len(cause.partners),
        "of": cause.of,
        "hours": common_cause.WITHIN / timedelta(hours=1),
        "rules": _named(of),
    }
    blind_since = source.blind_since if source and cause.known else None
    title, why = IN_WORDS["blind" if blind_since else cause.kind]
    since = {"since": blind_since.isoformat()} if blind_since else {}
    return {"message": title, "params": params}, {"message": why, "params": {**params, **since}}


def title_of_cause(notice: Notice) -> dict[str, Any]:
    """Return the title of a common cause that was told, in words."""
    title = next(title for title, why in IN_WORDS.values() if why == notice.why["message"])
    return {"message": title, "params": dict(notice.why["params"])}


def _named(of: Sequence[Rule]) -> dict[str, dict[str, str]]:
    """Return the names of rules as one value of a sentence."""
    return {"names": {locale: ", ".join(reader_of(locale).name(rule.names) for rule in of) for locale in LOCALES}}
