"""What all of the API's requests and answers share: kinds of text, lists with cursors, versions as ETags, moments."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Body, Header, Query, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import inspect

from warden.errors import Fault, InvalidInput, PreconditionFailed
from warden.store.paging import MAX_LIMIT, Page
from warden.web.bounds import NO_NUL, is_sane
from warden.wording import Reader

T = TypeVar("T")
Row = TypeVar("Row")


def text(longest: int, shortest: int = 1) -> StringConstraints:
    """Return the constraints of one line or paragraph of text, without white space around it."""
    return StringConstraints(strip_whitespace=True, min_length=shortest, max_length=longest, pattern=NO_NUL)


Name = Annotated[str, text(200)]
ShortName = Annotated[str, text(100)]
Email = Annotated[str, text(320, 3)]
Note = Annotated[str, text(10_000, 0)]
Reason = Annotated[str, text(2_000)]
Bool = Annotated[bool, Field(strict=True)]
"""True or false and nothing else: left to itself, pydantic reads 1, "yes" and "off" too."""


def _sane(moment: datetime) -> datetime:
    if not is_sane(moment):
        raise ValueError("expected a moment between the years 1900 and 2199")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_sane)]
"""A moment with its zone; kept in UTC."""


class Input(BaseModel):
    """Base of what callers send: unknown fields are refused, so that a typo is told and not ignored."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Input):
    """The body of a request that takes none: left out, or an empty object."""


NoBody = Annotated[Nothing | None, Body()]

SKEW = timedelta(minutes=5)
"""How far a caller's clock may be ahead of ours."""


def not_future(moment: datetime | None, now: datetime, name: str) -> datetime:
    """Return the moment asked for as `name`, now where none is. Raises InvalidInput for one that is yet to come."""
    if moment is not None and moment > now + SKEW:
        fault = Fault(name, f"found {moment.isoformat()}; expected a moment that is not in the future")
        raise InvalidInput("Nothing is known of the future yet.", [fault])
    return min(moment or now, now)


class Changes(Input):
    """Base of a PATCH body: what is left out stays as it is; null empties what may be empty."""

    def given(self) -> dict[str, Any]:
        """Return the fields the caller sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Listed(BaseModel, Generic[T]):
    """One page of a list. `next` is the cursor of the page after it, null on the last."""

    items: list[T]
    next: str | None = Field(examples=["WyJBY21lIiwiNmQyZiJd"])


def listed(page: Page[Row], shape: Callable[[Row], T]) -> Listed[T]:
    """Return a page of rows as the API shows them."""
    return Listed(items=[shape(row) for row in page.items], next=page.next)


Cursor = Annotated[str | None, Query(max_length=2000, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most items on the page.")]
Words = Annotated[str | None, Query(max_length=200, pattern=NO_NUL)]
Since = Annotated[Moment | None, Query(description="Only from this moment on.")]
Until = Annotated[Moment | None, Query(description="Only before this moment.")]
IfMatch = Annotated[
    str | None, Header(description="The ETag that was read: 412 if somebody changed it since. Left out: no check.")
]

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=NO_NUL,
        description="With the same key and body again, within 48 hours, the answer is the first one's.",
    ),
]
REPLAYED: dict[int | str, dict[str, Any]] = {201: {"headers": {"Idempotent-Replayed": {"schema": {"type": "string"}}}}}
"""For `responses=` of what takes an Idempotency-Key."""


def set_replayed(response: Response) -> None:
    """Say that the answer is the one to an earlier request with the same Idempotency-Key."""
    response.headers["Idempotent-Replayed"] = "true"


def shown(share: float) -> float:
    """Return a share without what sums of binary fractions leave behind: .6, not .6000000000000001."""
    return round(share, 9)


class Sentence(BaseModel):
    """One sentence: in the language asked for, and as the message and parameters it is made of."""

    text: str = Field(examples=["silent for 24 days; the usual longest gap is 9"])
    message: str = Field(examples=["silent for %(days_silent)s days; the usual longest gap is %(usual_gap)s"])
    params: dict[str, Any] = Field(examples=[{"days_silent": 24.0, "usual_gap": 9.0}])


def sentence(reader: Reader, fact: Mapping[str, Any]) -> Sentence:
    """Return a stored {"message", "params"} in the reader's words."""
    return Sentence(text=reader.fact(fact), message=fact["message"], params=fact.get("params") or {})


def set_etag(response: Response, version: int | str) -> None:
    """Send the version of what is answered, or its `tag_of`, as its ETag."""
    response.headers["ETag"] = f'"{version}"'


def wanted_version(if_match: str | None) -> int | None:
    """Return the version an If-Match header names; None when any will do.

    Raises PreconditionFailed for a header no version of ours can match.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = re.fullmatch(r'\s*"(\d{1,9})"\s*', if_match)
    if found is None:
        raise PreconditionFailed('If-Match is not an ETag of this resource: expected a version such as "3".')
    return int(found[1])


def check_version(if_match: str | None, version: int, name: str) -> None:
    """Raise PreconditionFailed unless the If-Match header, if there is one, names `version`."""
    wanted = wanted_version(if_match)
    if wanted is not None and wanted != version:
        raise PreconditionFailed(f"{name} was changed meanwhile: it is at version {version}.")


def refuse_nulls(model: type[Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return `changes`. Raises InvalidInput when one would empty a column that cannot be empty."""
    columns = inspect(model).columns
    faults = [
        Fault(name, "cannot be null; leave it out to keep it")
        for name, value in changes.items()
        if value is None and name in columns and not columns[name].nullable
    ]
    if faults:
        raise InvalidInput("The change is not valid.", faults)
    return changes
