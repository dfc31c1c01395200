"""News: once a night, words of old articles are erased and reading the tone is learned anew from our own headlines.

A version learned speaks when it is at least as good as the present one, in macro-F1 and in log loss, on what people
said since the present one was learned: at least ENOUGH labels. No label judges a version that saw its headline. Without
so many the present version goes on speaking, and the new one can be chosen by hand: labels by the lexicon alone
taught nothing that could be told from chance (macro-F1 −.00 to +.02, log loss about as before, on three sets of
labelled headlines), and what nobody has looked at is not replaced for that. While a person holds a version, it speaks.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from scorers.news.refit import Figures, as_good
from warden.db import Database
from warden.i18n import N_
from warden.log import get_logger
from warden.models import NewsModel
from warden.pipeline.refit import RefitBroke, learn_apart
from warden.settings import Settings
from warden.store import headlines, news_models, retention
from warden.store.headlines import Headline
from warden.store.news_models import PARTS, SHIPPED

log = get_logger(__name__)

MOST = 20_000
"""Headlines of a language part learned from: the newest."""

FEWEST = 50
"""Headlines of a language part without which nothing is learned of it."""

ENOUGH = 30
"""Labels that the present version did not see, without which no other replaces it by itself."""

BETTER = N_(
    "speaks: on %(judged)s labels it had not seen, macro-F1 %(f1_score)s after %(present_f1_score)s, "
    "log loss %(loss_score)s after %(present_loss_score)s"
)
WORSE = N_(
    "does not speak: on %(judged)s labels neither had seen, macro-F1 %(f1_score)s instead of %(present_f1_score)s, "
    "log loss %(loss_score)s instead of %(present_loss_score)s"
)
HELD = N_("does not speak though at least as good: somebody chose the present version")
UNJUDGED = N_("does not speak: %(judged)s labels since the present version was learned, %(needed)s are needed to judge")


def is_due(db: Database, settings: Settings, now: datetime) -> bool:
    """Tell whether the hour for learning came since it was last done."""
    with db.read() as session:
        last = news_models.last_learned(session)
    hour = now.replace(hour=settings.news_hour, minute=0, second=0, microsecond=0)
    if hour > now:
        hour -= timedelta(days=1)
    # A moment ahead of ours was noted by a clock that has been set right since.
    return last is None or last < hour or last > now


def erase(db: Database, settings: Settings, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
    """Erase the words of articles older than settings.article_days; return of how many. Short transactions only."""
    before = now - timedelta(days=settings.article_days)
    total = 0
    while go_on():
        with db.write() as session:
            erased = retention.erase_words(session, before)
        if not erased:
            break
        total += erased
    if total:
        log.info("words_erased", articles=total)
    return total


def run(
    db: Database, now: datetime, go_on: Callable[[], bool] = lambda: True, *, embeddings: bool = False
) -> int | None:
    """Learn every language part anew, with embeddings where told to; return how many new versions speak.

    None while another process learns.

    What was told to stop is still due. What broke stays as it was until the next night. Raises RefitBroke when a
    language part could not be learned; the others were.
    """
    with db.write() as session:
        if not news_models.claim(session, now):
            return None
    spoken, broken = 0, []
    try:
        for part in PARTS:
            try:
                spoken += _learn(db, part, now, go_on, embeddings)
            except RefitBroke as error:
                log.warning("news_not_learned", language=part, error=str(error))
                broken.append(error)
    finally:
        with db.write() as session:
            if go_on():
                news_models.note_learned(session, now)
            else:
                news_models.let_go(session)
    if broken:
        raise broken[0]
    return spoken


def _learn(db: Database, part: str, now: datetime, go_on: Callable[[], bool], embeddings: bool) -> bool:
    """Learn one language part; tell whether the new version speaks."""
    with db.read() as session:
        known = headlines.of_language(session, part, now, MOST)
        broken = news_models.voices(session, embeddings=embeddings).broken
        present = None if part in broken else news_models.speaking(session).get(part)
        raw = news_models.arrays(session, present) if present else None
    if len(known) < FEWEST or not go_on():
        return False
    learned = learn_apart(part, _judging(known, present), raw, go_on, embeddings=embeddings)
    if learned is None:
        return False
    with db.write() as session:
        if news_models.newest_arrays(session, part) == learned.raw:
            return False
        present = news_models.speaking(session).get(part)
        better, why = _verdict(learned.report, held=present is not None and present.held_by is not None)
        report = {name: learned.report[name] for name in ("headlines", "labels", "judged", "candidate", "present")}
        row = news_models.keep(session, part, learned.raw, {"why": why, **report}, speaks=better, now=now)
    facts = {name: learned.report[name] for name in ("headlines", "labels", "megabytes")}
    log.info("news_learned", language=part, number=row.number, speaks=row.active_since is not None, **facts)
    return row.active_since is not None


def _judging(known: Sequence[Headline], present: NewsModel | None) -> list[tuple[Headline, bool]]:
    """Each headline with whether it judges: a person named its tone after the present version was learned."""
    since = present.created_at if present is not None and present.number != SHIPPED else None
    return [(one, one.labelled_at is not None and (since is None or one.labelled_at > since)) for one in known]


def _verdict(report: Mapping[str, Any], *, held: bool) -> tuple[bool, dict[str, Any]]:
    """Tell whether a version is at least as good as the present one, and why it speaks or not: message and params."""
    if report["judged"] < ENOUGH:
        return False, {"message": UNJUDGED, "params": {"judged": report["judged"], "needed": ENOUGH}}
    candidate, present = Figures(**report["candidate"]), Figures(**report["present"])
    better = as_good(candidate, present)
    if better and held:
        return True, {"message": HELD, "params": {}}
    told = {
        "judged": report["judged"],
        "f1_score": round(candidate.macro_f1, 3),
        "present_f1_score": round(present.macro_f1, 3),
        "loss_score": round(candidate.log_loss, 3),
        "present_loss_score": round(present.log_loss, 3),
    }
    return better, {"message": BETTER if better else WORSE, "params": told}
