"""Writes the answers: beside the file they are for, then in its place, so that it is whole or not there."""

import csv
import gzip
import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from warden.errors import InvalidInput
from warden.forecast.inputs import Key
from warden.forecast.predict import Answer

COLUMNS = ("partner", "cutoff", "outcome", "likelihood", "band", "sample")
EXPLAINED = "contributions"


def refuse_unless_writable(out: Path, inputs: Sequence[Path]) -> None:
    """Raise InvalidInput where no file can stand at `out`, or where it would replace one that is read."""
    if not out.parent.is_dir():
        raise InvalidInput(f"{out.parent} is no folder; --out must lie in one.")
    if out.exists() and not out.is_file():
        raise InvalidInput(f"{out} is no file that could be replaced.")
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise InvalidInput(f"--out is {path.name}, which is read: it would be lost.")


def write(out: Path, keys: Sequence[Key], answers: Sequence[Answer], bands: Sequence[str], *, explain: bool) -> None:
    """Write one row a key, in the order of the keys; likelihoods as exactly as they were computed.

    A name that ends in .gz gets a gzipped file.
    """
    beside = out.with_name(f".forecast-{secrets.token_hex(8)}")
    packed = out.suffix == ".gz"
    try:
        with (gzip.open if packed else open)(beside, "xt", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*COLUMNS, EXPLAINED] if explain else COLUMNS)
            writer.writerows(_rows(keys, answers, bands, explain=explain))
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)


def _rows(
    keys: Sequence[Key], answers: Sequence[Answer], bands: Sequence[str], *, explain: bool
) -> Iterator[list[str]]:
    for key, answer, band in zip(keys, answers, bands, strict=True):
        row = [key.partner, key.cutoff, key.outcome, repr(answer.likelihood), band, f"{answer.sample:g}"]
        yield [*row, json.dumps(answer.contributions)] if explain else row
