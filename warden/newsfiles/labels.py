"""`warden news train`: fits a model of tone per language to labelled texts of a CSV file."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from scorers.news.embedding import EmbeddedModel, EmbeddingsMissing, fit_with_meaning, require
from scorers.news.model import LABELS, Model, ModelUnreadable
from scorers.news.read import shipped_models
from scorers.news.training import Fitted, TooFewLabels, fit, label_weights, language_part
from warden.errors import InvalidInput
from warden.lines import LineFile
from warden.newsfiles.objects import opened

FEWEST_ROWS = 50
"""Rows of one language without which no model of it is trained: a few stray texts are no training set."""

LANGUAGES = ("en", "zh", "vi")

_NEEDED, _OPTIONAL = ("label", "text"), ("entity", "summary")
_EXPECTED = "label,text[,entity][,summary]"


@dataclass
class Labelled:
    """The rows of one language part, as lists of the same length."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    targets: list[str | None] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it: rows a model was trained on by language part, why there is none, and rows in no language."""

    rows: Mapping[str, int]
    left_out: Mapping[str, str]
    unread: int


def train_file(path: Path, out: Path, *, embeddings: bool = False) -> Trained:
    """Train a model per language part on a CSV `label,text[,entity][,summary]` and write them to the folder `out`,
    with embeddings where told to.

    Raises InvalidInput with every fault's file, line and column, and OSError; then `out` is as it was.
    """
    if embeddings:
        _refuse_without_embeddings()
    out = out.resolve()  # what a link leads to is replaced, and the link stays
    _refuse_unless_folder(out)
    lines = opened(path)
    parts, unread = _labelled(lines)
    lines.faults.stop()
    models, left_out = _fitted(parts, fit_with_meaning if embeddings else fit)
    if not models:
        reasons = "; ".join(left_out.values()) or "no row is in a language Warden reads"
        raise InvalidInput(f"{path.name} cannot be trained on: {reasons}.")
    _write(models, out)
    return Trained({part: len(parts[part].texts) for part in models}, left_out, unread)


def models_of(folder: Path) -> dict[str, Model]:
    """Return the models of a folder, and those that ship for the language parts it has none of.

    Raises InvalidInput when it has none at all or one cannot be used.
    """
    here = folder if folder.exists() else _former(folder.resolve())
    if not here.is_dir():
        raise InvalidInput(f"{folder} is no folder; expected one that `warden news train` wrote.")
    found = [part for part in LANGUAGES if here.joinpath(f"{part}.npz").is_file()]
    if not found:
        raise InvalidInput(f"{folder} holds no model; expected {' or '.join(f'{part}.npz' for part in LANGUAGES)}.")
    try:
        return {**shipped_models(), **{part: EmbeddedModel.load(here, part) for part in found}}
    except ModelUnreadable as error:
        raise InvalidInput(f"{folder} holds a model that cannot be used: {error}") from error


def _refuse_without_embeddings() -> None:
    try:
        require()
    except EmbeddingsMissing as error:
        raise InvalidInput(f"--embeddings {error}") from error


def _fitted(parts: Mapping[str, Labelled], fit: Callable[..., Fitted]) -> tuple[dict[str, Model], dict[str, str]]:
    models, left_out = {}, {}
    for part, rows in parts.items():
        if len(rows.texts) < FEWEST_ROWS:
            left_out[part] = f"{part}: found {len(rows.texts)} rows, expected at least {FEWEST_ROWS}"
            continue
        try:
            fitted = fit(rows.texts, rows.labels, rows.targets, language=part, summaries=rows.summaries)
            models[part] = replace(fitted.model, label_weights=label_weights(fitted.p))
        except TooFewLabels as error:
            left_out[part] = str(error).rstrip(".")
    return models, left_out


def _labelled(lines: LineFile) -> tuple[dict[str, Labelled], int]:
    parts: dict[str, Labelled] = {}
    unread = 0
    for number, row in _rows(lines):
        label, text = row["label"].strip(), row["text"]
        if label not in LABELS:
            lines.blame(number, f"found {label!r:.60}, expected {', '.join(LABELS)}", "column label")
            continue
        if not text.strip():
            lines.blame(number, "is empty, expected a text", "column text")
            continue
        part = language_part(text)
        if part is None:
            unread += 1
            continue
        rows = parts.setdefault(part, Labelled())
        rows.texts.append(text)
        rows.labels.append(label)
        rows.targets.append(row.get("entity", "").strip() or None)
        rows.summaries.append(row.get("summary", ""))
    return {part: parts[part] for part in LANGUAGES if part in parts}, unread


def _rows(lines: LineFile) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line the row begins on, cells by column name)."""
    records = lines.records()
    number, header = next(records, (1, []))
    before = lines.faults.count
    if header:
        lines.blame_header(number, header, _NEEDED, _EXPECTED)
    elif not before:
        lines.blame(1, f"nothing stands in the file, expected a header {_EXPECTED}")
    if lines.faults.count > before:
        return
    for number, cells in records:
        if len(cells) != len(header):
            lines.blame(number, f"found {len(cells)} columns, expected {len(header)}: {','.join(header):.200}")
        else:
            yield number, dict(zip(header, cells, strict=True))


def _refuse_unless_folder(out: Path) -> None:
    """A folder is replaced as a whole: what else lies in it would be lost."""
    if out in (Path.cwd(), out.parent):
        raise InvalidInput(f"{out} is where you are; --out must be another folder, which can be replaced.")
    if not out.parent.is_dir():
        raise InvalidInput(f"{out.parent} is no folder; --out must lie in one.")
    if out.exists() and not out.is_dir():
        raise InvalidInput(f"{out} is no folder.")
    ours = {f"{part}.{kind}" for part in LANGUAGES for kind in ("npz", "json")}
    foreign = sorted(path.name for path in out.iterdir() if path.name not in ours) if out.exists() else []
    if foreign:
        raise InvalidInput(f"{out} holds {foreign[0]}, which is no model; --out must be new, empty or hold models.")


def _write(models: Mapping[str, Model], out: Path) -> None:
    """Write the folder beside its place and move it there. Killed at any moment, the former models are found whole."""
    _put_back(out)
    beside, former = out.with_name(f".news-{secrets.token_hex(8)}"), _former(out)
    try:
        beside.mkdir()
        for model in models.values():
            model.save(beside)
        for path in [*beside.iterdir(), beside]:
            _settle(path)
        if out.exists():
            out.rename(former)
        try:
            beside.rename(out)
        except OSError:
            _put_back(out)
            raise
        _settle(out.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    shutil.rmtree(former, ignore_errors=True)


def _former(out: Path) -> Path:
    """Where a folder of models stands for the moment in which another takes its place."""
    return out.with_name(f".{out.name}-former-models")


def _put_back(out: Path) -> None:
    """Let the former models stand again where whoever replaced them was killed in that very moment."""
    former = _former(out)
    if former.is_dir() and not out.exists():
        former.rename(out)
    shutil.rmtree(former, ignore_errors=True)  # there only if its successor stands


def _settle(path: Path) -> None:
    """Have a file, or which names a folder holds, written to the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
