"""Writes the answers: beside the file they are for, then in its place, so that it is whole or not there."""

import csv
import json
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path

from warden.forecast.inputs import Key
from warden.forecast.predict import Answer
from warden.lines import whole_file

COLUMNS = ("partner", "cutoff", "outcome", "likelihood", "band", "sample")
EXPLAINED = "contributions"


def write(out: Path, keys: Sequence[Key], answers: Sequence[Answer], bands: Sequence[str], *, explain: bool) -> None:
    """Write one row a key, in the order of the keys; likelihoods as exactly as they were computed.

    A name that ends in .gz gets a gzipped file.
    """
    with whole_file(out) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*COLUMNS, EXPLAINED] if explain else COLUMNS)
        writer.writerows(_rows(keys, answers, bands, explain=explain))
        text.detach()  # writes what is left; the file is closed by whoever opened it


def _rows(
    keys: Sequence[Key], answers: Sequence[Answer], bands: Sequence[str], *, explain: bool
) -> Iterator[list[str]]:
    for key, answer, band in zip(keys, answers, bands, strict=True):
        row = [key.partner, key.cutoff, key.outcome, repr(answer.likelihood), band, f"{answer.sample:g}"]
        yield [*row, json.dumps(answer.contributions)] if explain else row
