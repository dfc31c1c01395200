"""The three files of a forecast, read and checked: what was observed, what is asked about, and about which outcomes."""

import gzip
import json
import zlib
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from scorers.base import Floats, Index, Outcome, Scorer
from warden.discovery import scorers
from warden.forecast.table import Row, Table, read_moment, read_name, read_number
from warden.lines import GZIP, Faults

Whole = NDArray[np.int64]
T = TypeVar("T")

COUNTED: Mapping[str, Mapping[str, str]] = {
    "message_in": {"received": "value"},
    "message_out": {"sent": "value"},
    "deliveries": {"due": "value", "late": "late", "made": "made"},
    "delivery_due": {"due": "value", "late": "late"},
    "delivery_made": {"made": "value"},
    "meeting": {"met": "value"},
    "milestone": {"milestones": "value", "missed": "late"},
}
"""Kinds of rows that are counted by day: which count of a panel each feeds, from which column."""

MEASURED = ("reply", "satisfaction")
"""Kinds of rows whose value is a figure: hours until a reply, a survey's result."""

BLIND = "blind"
"""For `value` days from `at` no source could report on the partner."""

KINDS = (*COUNTED, *MEASURED, BLIND)

OBSERVED = ("partner", "at", "kind", "value")
EXTRA = ("late", "cancelled", "made")
KEY = ("partner", "cutoff", "outcome")

NOT_IN_FILES = frozenset({"tone"})
"""Scorers of facts that the files cannot hold: articles."""

NEEDED: Mapping[str, str] = {"late_share": "late", "milestones": "late"}
"""The column without which a scorer would take everything to be in time."""

ALWAYS: Mapping[str, Mapping[str, Any]] = {"silence": {"deliveries_count": 1.0}}
"""Options that the format settles unless the file says otherwise: any sign of life ends a silence."""


@dataclass(frozen=True, slots=True)
class Observations:
    """All rows as parallel arrays `(m,)`, in an order that does not depend on the file's.

    partners: by first fact, so that those known before any moment come first; `row` is the index into them.
    kind: index into KINDS. at: microseconds since 1970 UTC. numbers: "value", "late" and "made".
    """

    partners: list[str]
    row: Index
    at: Whole
    kind: Index
    numbers: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Asked:
    """One outcome of outcomes.json: who forecasts it, and its terms."""

    scorer: Scorer
    options: Outcome


@dataclass(frozen=True, slots=True)
class Key:
    """One question: will this outcome of this partner begin? `cutoff` as written; `at` in microseconds since 1970."""

    partner: str
    cutoff: str
    outcome: str
    at: int


def read_observations(path: Path, outcomes: Mapping[str, Asked], faults: Faults) -> Observations:
    """Read what was observed; rows that are wrong are noted and left out."""
    needed = {NEEDED[asked.scorer.name]: name for name, asked in outcomes.items() if asked.scorer.name in NEEDED}
    table = Table(path, (*OBSERVED, *needed), [name for name in EXTRA if name not in needed], faults)
    number: dict[str, int] = {}
    row, at, kind = array("q"), array("q"), array("q")
    numbers = {name: array("d") for name in ("value", "late", "made")}
    for read in table:
        cells = _Cells(table, read)
        partner, moment = cells.read("partner", read_name, ""), cells.read("at", read_moment, 0)
        which, value = cells.read("kind", _kind, 0), cells.read("value", read_number, 0.0)
        late, _cancelled, made = (cells.read(name, _number_or_zero, 0.0) for name in EXTRA)
        if not cells.wrong and late > value:
            cells.blame("late", f"found {late:g}, expected at most the value, {value:g}")
        if cells.wrong:
            continue
        row.append(number.setdefault(partner, len(number)))
        at.append(moment)
        kind.append(which)
        for name, cell in (("value", value), ("late", late), ("made", made)):
            numbers[name].append(cell)
    return _ordered(list(number), row, at, kind, numbers)


def read_keys(path: Path, outcomes: Mapping[str, Asked], faults: Faults) -> list[Key]:
    """Read what is asked about, in the order of the file. Without any outcomes, all are taken to be known."""
    table = Table(path, KEY, (), faults)
    keys: list[Key] = []
    seen: dict[tuple[str, int, str], int] = {}
    for read in table:
        cells = _Cells(table, read)
        partner, moment = cells.read("partner", read_name, ""), cells.read("cutoff", read_moment, 0)
        outcome = cells.read("outcome", read_name, "")
        if not cells.wrong and outcomes and outcome not in outcomes:
            cells.blame("outcome", f"found {outcome!r:.80}, expected one of {', '.join(outcomes)}")
        if cells.wrong:
            continue
        earlier = seen.setdefault((partner, moment, outcome), read.line)
        if earlier != read.line:
            cells.blame("partner", f"the same partner, cutoff and outcome stand in line {earlier}")
        keys.append(Key(partner, read.cells["cutoff"], outcome, moment))
    return keys


def read_outcomes(path: Path, faults: Faults) -> dict[str, Asked]:
    """Read the outcomes by name: {"dark": {"kind": "silence", "days": 60, …}, …}.

    An option left out that may be null is not used, as if it were null; any other has its shipped default.
    """
    try:
        data = json.loads(_unpacked(path.read_bytes()).decode("utf-8-sig"), object_pairs_hook=_Pairs)
    except (ValueError, RecursionError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        faults.add(path.name, f"cannot be read as JSON: {error}")
        return {}
    if not isinstance(data, _Pairs) or not data:
        faults.add(path.name, 'expected an object of outcomes such as {"dark": {"kind": "silence", "days": 60}}')
        return {}
    read = {name: _outcome(path, name, terms, faults) for name, terms in data}
    for name in data.twice():
        faults.add(f"{path.name}: {name}", "stands there twice")
    return {name: asked for name, asked in read.items() if asked is not None}


def _unpacked(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(GZIP) else data


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it stands, with members that stand there twice."""

    def twice(self) -> list[str]:
        """Return the names of those."""
        names = [name for name, _value in self]
        return sorted({name for name in names if names.count(name) > 1})


class _Cells:
    """Reads the cells of one row, blaming those that are wrong."""

    def __init__(self, table: Table, row: Row) -> None:
        self._table, self._row = table, row
        self.wrong = False

    def read(self, column: str, reader: Callable[[str], T], instead: T) -> T:
        """Return what `reader` makes of a cell; `instead`, and blame, where it cannot. No column: an empty cell."""
        try:
            return reader(self._row.cells.get(column, ""))
        except ValueError as error:
            self.blame(column, str(error))
            return instead

    def blame(self, column: str, what: str) -> None:
        self.wrong = True
        self._table.blame(self._row.line, column, what)


def _kind(text: str) -> int:
    try:
        return KINDS.index(text)
    except ValueError:
        raise ValueError(f"found {text!r:.80}, expected one of {', '.join(KINDS)}") from None


def _number_or_zero(text: str) -> float:
    return read_number(text) if text.strip() else 0.0


def _ordered(
    partners: list[str], row: "array[int]", at: "array[int]", kind: "array[int]", numbers: Mapping[str, "array[float]"]
) -> Observations:
    """Return the observations by partner, moment, kind and value; partners by first fact, then by name."""
    rows, moments, kinds = (np.array(column, dtype=np.int64) for column in (row, at, kind))
    figures = {name: np.array(column, dtype=np.float64) for name, column in numbers.items()}
    fact = kinds != KINDS.index(BLIND)
    first = np.full(len(partners), np.iinfo(np.int64).max)
    np.minimum.at(first, rows[fact], moments[fact])
    by_first = sorted(range(len(partners)), key=lambda number: (first[number], partners[number]))
    place = np.empty(len(partners), dtype=np.int64)
    place[by_first] = np.arange(len(partners))
    rows = place[rows]
    order = np.lexsort((figures["made"], figures["late"], figures["value"], kinds, moments, rows))
    return Observations(
        partners=[partners[number] for number in by_first],
        row=rows[order],
        at=moments[order],
        kind=kinds[order],
        numbers={name: column[order] for name, column in figures.items()},
    )


def _outcome(path: Path, name: str, terms: Any, faults: Faults) -> Asked | None:
    """Return one outcome, or None and blame."""
    place = f"{path.name}: {name}"
    found = {scorer.name: scorer for scorer in scorers() if scorer.name not in NOT_IN_FILES}
    if not name.strip() or not isinstance(terms, _Pairs):
        faults.add(place, "expected a name and an object with a kind and its options")
        return None
    for option in terms.twice():
        faults.add(f"{place}.{option}", "stands there twice")
    options = dict(terms)
    kind = str(options.pop("kind", None))
    if kind not in found:
        faults.add(f"{place}.kind", f"found {kind!r:.80}, expected one of {', '.join(sorted(found))}")
        return None
    model = found[kind].Options
    given = {**_unused(model), **ALWAYS.get(kind, {}), **options}
    try:
        return Asked(found[kind], model.model_validate(given, strict=True))
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            where = ".".join([place, *(str(part) for part in fault["loc"])])
            faults.add(where, f"{fault['msg']}, found {fault['input']!r:.80}")
        return None


def _unused(model: type[BaseModel]) -> dict[str, None]:
    """Return the options that may be null, as null."""
    fields = model.model_fields.items()
    return {name: None for name, field in fields if NoneType in get_args(field.annotation)}
