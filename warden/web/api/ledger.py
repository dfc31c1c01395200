"""The change ledger: what moved a partner's likelihood and impact between two moments, step by step and exactly."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from warden.pipeline import ledger
from warden.pipeline.causes import Line
from warden.pipeline.ledger import Cause, Clocks, End, Ledger, Step
from warden.store import partners
from warden.web.answers import turning_point
from warden.web.api.shapes import Moment, Sentence, not_future, sentence
from warden.web.deps import SLOW, ApiReader, CurrentServices, Now, Read, guard
from warden.web.problems import errors
from warden.wording import Reader

router = APIRouter(tags=["assessments"], dependencies=[guard("assessments")])

From = Annotated[
    Moment | None, Query(alias="from", description="Left out: the last assessment in another band, else 28 days ago.")
]
To = Annotated[Moment | None, Query(alias="to", description="Left out: now.")]

KnownAt = Annotated[Moment | None, Query(description="What was known by then counts; left out: as at that moment.")]


class EndOut(BaseModel):
    """One end of the ledger."""

    as_of: datetime
    known_at: datetime
    said_at: datetime | None = Field(description="When this was really said; null: it is reckoned now.")
    likelihood: float | None
    impact: float | None
    computed_likelihood: float | None
    computed_impact: float | None
    band: str | None
    matrix_version: int | None = Field(description="Null: the partner was not watched then.")
    not_rated: Sentence | None


class OutcomeChange(BaseModel):
    """What a step did to one outcome. Over all steps each column sums to the difference between the ends."""

    outcome: str = Field(examples=["silence"])
    share: float = Field(description="Difference in -ln(1 - likelihood).")
    likelihood: float | None = Field(description="Its part of the step's likelihood_difference.")


class LineOut(BaseModel):
    """One thing that happened."""

    about: str | None = Field(description="The outcome, criterion, attribute or quantity; null: the partner as such.")
    what: Sentence
    facts: list[str] = Field(description="Newest first, at most 20.", examples=[["/api/v1/facts/812"]])


class StepOut(BaseModel):
    """What one cause did. Differences are null where either side of the step is not known."""

    cause: Cause
    likelihood: float | None = Field(description="Once this step is taken.")
    likelihood_difference: float | None
    impact: float | None = Field(description="Once this step is taken.")
    impact_difference: float | None
    outcomes: list[OutcomeChange]
    lines: list[LineOut] = Field(description="What there was of this cause.")


class LedgerOut(BaseModel):
    """All that changed from one moment to another. The steps' differences sum to the whole one."""

    start: EndOut
    end: EndOut
    steps: list[StepOut]
    notes: list[LineOut] = Field(description="What only one end knows: outcomes that are not known at the other.")


@router.get("/partners/{partner_id}/ledger", responses=errors(404), dependencies=[SLOW])
def get_ledger(
    session: Read,
    services: CurrentServices,
    reader: ApiReader,
    now: Now,
    partner_id: uuid.UUID,
    since: From = None,
    until: To = None,
    from_known_at: KnownAt = None,
    to_known_at: KnownAt = None,
) -> LedgerOut:
    """Return what changed between two moments, each seen with what was known then or at another time.

    Two moments with one `as_of` and two `known_at` tell what was learned late.
    """
    partners.get(session, partner_id)
    end = not_future(until, now, "to")
    start = not_future(since or turning_point(session, partner_id, now), now, "from")
    known = not_future(from_known_at or start, now, "from_known_at"), not_future(to_known_at or end, now, "to_known_at")
    clocks = Clocks(start, known[0]), Clocks(end, known[1])
    return _shape(ledger.between(session, services.settings, partner_id, *clocks), reader)


def _shape(found: Ledger, reader: Reader) -> LedgerOut:
    return LedgerOut(
        start=_end(found.start, reader),
        end=_end(found.end, reader),
        steps=[_step(step, reader) for step in found.steps],
        notes=[_line(line, reader) for line in found.notes],
    )


def _end(end: End, reader: Reader) -> EndOut:
    return EndOut(
        as_of=end.clocks.as_of,
        known_at=end.clocks.known_at,
        said_at=end.said_at,
        likelihood=end.likelihood,
        impact=end.impact,
        computed_likelihood=end.computed_likelihood,
        computed_impact=end.computed_impact,
        band=end.band,
        matrix_version=end.matrix_version,
        not_rated=sentence(reader, end.not_rated) if end.not_rated else None,
    )


def _step(step: Step, reader: Reader) -> StepOut:
    return StepOut(
        cause=step.cause,
        likelihood=step.likelihood,
        likelihood_difference=step.likelihood_difference,
        impact=step.impact,
        impact_difference=step.impact_difference,
        outcomes=[
            OutcomeChange(outcome=name, share=share, likelihood=step.parts.get(name))
            for name, share in step.shares.items()
        ],
        lines=[_line(line, reader) for line in step.lines],
    )


def _line(line: Line, reader: Reader) -> LineOut:
    return LineOut(
        about=line.of,
        what=sentence(reader, {"message": line.message, "params": line.params}),
        facts=[f"/api/v1/facts/{number}" for number in line.facts],
    )
