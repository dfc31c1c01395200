"""How good the likelihoods were on our own past, beside simple rules, and what was learned from it."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from scorers.base import Scorer
from warden import plugins
from warden.errors import NotFound
from warden.models import Backtest, Learned
from warden.store import learning
from warden.store.learning import Request
from warden.web.api.shapes import Listed, NoBody, Sentence, sentence
from warden.web.deps import ApiReader, Caller, Now, Read, Write, guard
from warden.web.problems import errors
from warden.wording import Reader

router = APIRouter(tags=["backtests"], dependencies=[guard("assessments")])


class Interval(BaseModel):
    """A figure with its 95 % interval, all null where it cannot be said."""

    value: float | None
    low: float | None
    high: float | None


class Method(BaseModel):
    """The likelihood, or a simple rule on the same weeks, at equally many false alarms."""

    name: str = Field(examples=["likelihood"])
    title: Sentence
    auroc: Interval = Field(description="Same-week AUROC: pairs of partners in the right order.")
    ahead: Interval | None = Field(description="AUROC of the likelihood minus this one's; null for itself.")
    threshold: float | None = Field(description="Alarms are raised from it on; null: never.")
    foretold: int = Field(description="Deteriorations with an alarm before they had begun.")
    recall: Interval = Field(description="Their share.")
    lead_days: float | None = Field(description="Median, from the first alarm to the deterioration.")
    false_alarms: float | None = Field(description="Per 100 partner-quarters.")
    carried_false_alarms: float | None = Field(
        description="In the second half of the weeks, at the threshold that kept the budget in the first."
    )
    band_changes: float | None = Field(description="Per partner-quarter.")


class Bin(BaseModel):
    """Weeks with like likelihoods: what was said on average, and how often it came."""

    said_share: float
    came_share: float
    rows: int


class CalibrationOut(BaseModel):
    """What was said beside what came."""

    bins: list[Bin]
    error: float | None = Field(description="Expected calibration error.")
    skill: float | None = Field(description="Brier skill; 0: no better than the overall share, 1: perfect.")


class BacktestOutcome(BaseModel):
    """How one outcome was foretold. `methods` is empty when too little happened to judge."""

    name: str
    family: str
    version: str
    horizon_days: tuple[float, float] = Field(description="Shortest and longest.")
    rows: int = Field(description="Partner-weeks judged.")
    partners: int
    events: int = Field(description="Deteriorations that began.")
    spoken_share: float | None = Field(description="Of the rows: about the others nothing was said.")
    began_share: float | None
    enough: bool
    sentence: Sentence
    remarks: list[Sentence] = Field(description="What the figures show against the likelihood.")
    methods: list[Method]
    calibration: CalibrationOut | None


class BacktestOut(BaseModel):
    """One walk through our own past, Monday by Monday, without looking ahead."""

    id: uuid.UUID
    created_at: datetime
    author: str
    weeks: int
    first_monday: date | None
    last_monday: date | None
    partners: int
    budget: float = Field(description="False alarms per 100 partner-quarters at which all are compared.")
    summary: list[Sentence]
    notes: list[Sentence]
    outcomes: list[BacktestOutcome]


class BacktestListed(BaseModel):
    """A backtest, without what it showed."""

    id: uuid.UUID
    created_at: datetime
    author: str


class PendingBacktest(BaseModel):
    """A backtest that waits or is under way: `walked` of `total` weeks are done."""

    model_config = ConfigDict(from_attributes=True)

    author: str
    requested_at: datetime
    started_at: datetime | None = Field(description="Null: it waits.")
    walked: int
    total: int


class LearnedOut(BaseModel):
    """Which model speaks for an outcome, and why."""

    outcome: str
    form: Literal["default", "recalibrated", "supervised"]
    number: int | None = Field(description="Of the learned model in use; null: Warden's default.")
    version: str = Field(description="Of the scorer.")
    why: Sentence | None
    learned_at: datetime | None = Field(description="Null: nothing was learned yet.")
    positives: int | None = Field(description="Matured deteriorations learned from.")
    quarters: float | None = Field(description="Of training; null where it did not come to that.")
    trial: dict[str, float] | None = Field(
        description="On partners it had not seen: rows, positives, and the log loss of each form."
    )


@router.get("/backtests")
def list_backtests(session: Read) -> Listed[BacktestListed]:
    """List all backtests, newest first, on one page."""
    found = learning.backtests(session)
    items = [BacktestListed(id=key, created_at=moment, author=author) for key, moment, author in found]
    return Listed(items=items, next=None)


@router.post("/backtests", status_code=202)
def request_backtest(session: Write, now: Now, caller: Caller, _body: NoBody = None) -> PendingBacktest:
    """Ask for a backtest, which takes minutes. While one waits or is under way, that one is returned."""
    return PendingBacktest.model_validate(learning.request_backtest(session, caller.name, now))


@router.get("/backtests/pending", responses=errors(404))
def get_pending_backtest(session: Read) -> PendingBacktest:
    """Return the backtest that waits or is under way; 404 when there is none."""
    found: Request | None = learning.pending_backtest(session)
    if found is None:
        raise NotFound("No backtest waits or is under way.")
    return PendingBacktest.model_validate(found)


@router.get("/backtests/latest", responses=errors(404))
def get_latest_backtest(session: Read, reader: ApiReader) -> BacktestOut:
    """Return the newest backtest."""
    found = learning.latest_backtest(session)
    if found is None:
        raise NotFound("There is no backtest yet: ask for one.")
    return _shape(found, reader)


@router.get("/backtests/{backtest_id}", responses=errors(404))
def get_backtest(session: Read, reader: ApiReader, backtest_id: uuid.UUID) -> BacktestOut:
    """Return one backtest."""
    return _shape(learning.backtest(session, backtest_id), reader)


@router.get("/learned")
def list_learned(session: Read, reader: ApiReader, now: Now) -> Listed[LearnedOut]:
    """List for every outcome which model speaks, and why."""
    held = learning.in_force(session, now)
    found = [_learned(scorer, held.get(scorer.name), reader) for scorer in plugins.scorers()]
    return Listed(items=found, next=None)


def _learned(scorer: Scorer, row: Learned | None, reader: Reader) -> LearnedOut:
    speaker = learning.speaker(row, scorer)
    report = row.report if row else {}
    return LearnedOut(
        outcome=scorer.name,
        form=speaker.form,
        number=speaker.number,
        version=scorer.version,
        why=sentence(reader, speaker.why) if speaker.why else None,
        learned_at=row.created_at if row else None,
        positives=report.get("positives"),
        quarters=report.get("quarters"),
        trial=report.get("trial"),
    )


def _shape(row: Backtest, reader: Reader) -> BacktestOut:
    report = row.report
    return BacktestOut(
        id=row.id,
        created_at=row.created_at,
        author=row.author,
        weeks=report["weeks"],
        first_monday=report["from"],
        last_monday=report["until"],
        partners=report["partners"],
        budget=report["budget"],
        summary=[sentence(reader, fact) for fact in report["summary"]],
        notes=[sentence(reader, fact) for fact in report["notes"]],
        outcomes=[_outcome(outcome, reader) for outcome in report["outcomes"]],
    )


def _outcome(outcome: Mapping[str, Any], reader: Reader) -> BacktestOutcome:
    methods = [{**method, "title": sentence(reader, method["title"])} for method in outcome["methods"]]
    return BacktestOutcome.model_validate(
        {
            **outcome,
            "sentence": sentence(reader, outcome["sentence"]),
            "remarks": [sentence(reader, one) for one in outcome["remarks"]],
            "methods": methods,
        }
    )
