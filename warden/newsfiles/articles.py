"""`warden news read`: judges the articles of a file, one JSON object a line, and writes one for each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorers.news.match import Alias, Matcher
from scorers.news.model import Model
from scorers.news.read import Judgement, Mention, Reason, read_each
from warden.lines import LineFile, refuse_unless_writable, whole_file
from warden.newsfiles.objects import line_of, objects_of, opened

BATCH = 256
"""Articles judged at once, fewer where they are long or name many."""

MOST_CHARACTERS, MOST_NAMES = 2_000_000, 20_000
"""Held at once: a name costs some kilobytes."""

Names = tuple[tuple[str, ...], ...]
"""Of each partner its name and its aliases."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One article as it was given. `partners` None: the whole text is the target."""

    id: str | int
    text: str
    summary: str
    language: str | None
    partners: Names | None


@dataclass(frozen=True, slots=True)
class Read:
    """What came of it."""

    articles: int
    partners: int  # namings judged


def read_file(path: Path, out: Path, models: Mapping[str, Model] | None = None) -> Read:
    """Judge every article of `path` and write the answers to `out`, in order; `models`: None for those that ship.

    Raises InvalidInput with every fault's file, line and field, and OSError; then `out` is as it was.
    """
    refuse_unless_writable(out, [path])
    lines = opened(path)
    articles = partners = 0
    matchers = _Matchers()
    with whole_file(out) as file:
        for batch in _batches(_asked(lines)):
            if lines.faults.count:  # nothing will be written: only look for further faults
                continue
            for answer in _answers(batch, models, matchers):
                articles += 1
                partners += len(answer["partners"])
                file.write(line_of(answer))
        lines.faults.stop()
    return Read(articles, partners)


def _answers(
    batch: Sequence[Asked], models: Mapping[str, Model] | None, matchers: "_Matchers"
) -> Iterator[dict[str, Any]]:
    """Yield what is said of each article."""
    sources = [(asked.text, asked.summary, asked.language) for asked in batch]
    known = [matchers.of(asked.partners or ()) for asked in batch]
    for asked, (whole, named) in zip(batch, read_each(sources, known, models), strict=True):
        yield _answer(asked, whole, sorted(named, key=lambda mention: mention.span))


class _Matchers:
    """Those of the articles before, because many articles of a file name the same partners."""

    def __init__(self) -> None:
        self._made: dict[Names, Matcher] = {}
        self._names = 0

    def of(self, names: Names) -> Matcher:
        """Whoever names partners for one article means them: their names need no second cue."""
        if names not in self._made:
            self._names += _names_in(names)
            if self._names > MOST_NAMES:
                self._made, self._names = {}, _names_in(names)
            aliases = (Alias(partner, name, trusted=True) for partner, known in enumerate(names) for name in known)
            self._made[names] = Matcher(aliases)
        return self._made[names]


def _names_in(names: Names) -> int:
    return sum(map(len, names))


def _answer(asked: Asked, whole: Judgement, named: Sequence[Mention]) -> dict[str, Any]:
    told = [one.judgement for one in named] if asked.partners is not None else [whole]
    return {
        "id": asked.id,
        "language": whole.language,
        **_tone(whole),
        "events": _events(told),
        "partners": [_partner(asked, mention) for mention in named],
        "reasons": _reasons(whole.reasons),
    }


def _partner(asked: Asked, mention: Mention) -> dict[str, Any]:
    return {
        "name": (asked.partners or ())[int(str(mention.partner))][0],
        **_tone(mention.judgement),
        "span": list(mention.span),
        "events": _events([mention.judgement]),
        "reasons": _reasons(mention.reasons),
    }


def _tone(judgement: Judgement) -> dict[str, Any]:
    return {
        "label": judgement.label,
        "p_negative": round(judgement.p_negative, 6),
        "p_neutral": round(judgement.p_neutral, 6),
        "p_positive": round(judgement.p_positive, 6),
        "uncertain": judgement.uncertain,
    }


def _events(judgements: Sequence[Judgement]) -> list[dict[str, Any]]:
    """Each type of event once, worst first."""
    worst: dict[str, dict[str, Any]] = {}
    for trigger in sorted((t for j in judgements for t in j.triggers), key=lambda t: -t.event.severity):
        told = {"type": trigger.event.name, "trigger": trigger.phrase, "severity": trigger.event.severity}
        worst.setdefault(trigger.event.name, told)
    return list(worst.values())


def _reasons(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    return [{"kind": kind, "text": text, "weight": weight} for kind, text, weight in reasons]


def _batches(asked: Iterator[Asked]) -> Iterator[list[Asked]]:
    batch: list[Asked] = []
    characters = names = 0
    for one in asked:
        batch.append(one)
        characters += len(one.text) + len(one.summary)
        names += _names_in(one.partners or ())
        if len(batch) == BATCH or characters > MOST_CHARACTERS or names > MOST_NAMES:
            yield batch
            batch, characters, names = [], 0, 0
    if batch:
        yield batch


def _asked(lines: LineFile) -> Iterator[Asked]:
    for number, found in objects_of(lines):
        before = lines.faults.count
        identity, text = found.get("id"), found.get("text")
        if not isinstance(identity, str | int) or isinstance(identity, bool):
            lines.blame(number, f"found {_kind(identity)}, expected a text or a whole number", "id")
        if not isinstance(text, str):
            lines.blame(number, f"found {_kind(text)}, expected a text", "text")
        summary = _optional_text(found, "summary", number, lines)
        language = _optional_text(found, "language", number, lines)
        partners = _partners(found.get("partners"), number, lines)
        if lines.faults.count == before and isinstance(identity, str | int) and isinstance(text, str):
            yield Asked(identity, text, summary or "", language, partners)


def _optional_text(found: Mapping[str, Any], name: str, number: int, lines: LineFile) -> str | None:
    value = found.get(name)
    if value is None or isinstance(value, str):
        return value
    lines.blame(number, f"found {_kind(value)}, expected a text", name)
    return None


def _partners(value: Any, number: int, lines: LineFile) -> Names | None:
    if value is None:
        return None
    if not isinstance(value, list):
        lines.blame(number, f"found {_kind(value)}, expected a list of partners", "partners")
        return None
    return tuple(_known_by(one, f"partners[{at}]", number, lines) for at, one in enumerate(value))


def _known_by(value: Any, where: str, number: int, lines: LineFile) -> tuple[str, ...]:
    """The name and aliases of one partner."""
    if isinstance(value, str):
        value = {"name": value}
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str) or not name.strip():
        lines.blame(number, 'expected {"name": "…", "aliases": ["…"]}', where)
        return ()
    aliases = value.get("aliases")
    if aliases is None:
        return (name,)
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        lines.blame(number, "expected a list of texts", f"{where}.aliases")
        return (name,)
    return (name, *aliases)


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{value!r:.60}"
