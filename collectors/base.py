"""What every collector speaks: four facts, the batch it returns, three errors it raises, and their base class."""

import math
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collectors.http import Http

Cursor = dict[str, Any]
"""What a collector wants to be handed next time; JSON values only. Empty the first time."""


@dataclass(frozen=True, slots=True)
class Key:
    """How a source names a partner, e.g. Key("email", "an@acme.example"). Values are normalised: see normalise_key."""

    scheme: str
    value: str


def normalise_key(scheme: str, value: str) -> Key:
    """Return the key in the one spelling it is compared in.

    NFKC, trimmed, inner white space as one space; e-mail addresses and domains in lower case; "7.0" from a spreadsheet
    becomes "7". Raises ValueError for an empty or over-long value, or a scheme that is not `[a-z][a-z0-9_]{0,39}`.
    """
    scheme = scheme.strip().lower()
    text = " ".join(unicodedata.normalize("NFKC", value).replace("\0", "").split())
    if scheme in ("email", "domain"):
        text = text.lower().removeprefix("mailto:").rstrip(".")
    elif re.fullmatch(r"\d+\.0", text):
        text = text[:-2]
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", scheme):
        raise ValueError(f"scheme {scheme!r}: expected letters, digits and underscores, starting with a letter")
    if not text or len(text) > 320:
        raise ValueError("an identifier needs 1 to 320 characters")
    return Key(scheme, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message between us and a partner. Never its text.

    `sent`: True from us, False from the partner. `reply_seconds`: how long the writer took to answer the other side.
    """

    identity: str
    key: Key
    at: datetime
    sent: bool
    thread: str | None = None
    reply_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One promised delivery of goods or work, and when it was made.

    `due_on` and `made_on` are calendar dates in the partner's zone; give `made_at` instead where the moment is known.
    Neither set: not made yet. `at` is when this was true: the moment it was made, else its due date, never the future.
    """

    identity: str
    key: Key
    at: datetime
    due_on: date
    made_on: date | None = None
    made_at: datetime | None = None
    quantity: float | None = None
    amount: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One published text. Which partners it names is found out later. All text is plain: no markup."""

    identity: str
    at: datetime
    url: str
    title: str
    summary: str = ""
    outlet: str = ""
    language: str | None = None
    dated: bool = True  # False: the source gave no date and `at` is when it was first seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number about a partner under an agreed name, e.g. "satisfaction" 3.8."""

    identity: str
    key: Key
    at: datetime
    name: str
    value: float
    unit: str | None = None


MILESTONE, COMPLIANCE, MEETING = "milestone", "compliance_incident", "meeting"
"""Names of measures that are counted: milestones at their due moment, 1 met and 0 missed; incidents; meetings held."""

MEETINGS = (MEETING, "meeting_executive", "meeting_management", "meeting_working")
"""Names of measures that all tell of meetings held: of no stated level, and of each."""

COUNTED: Mapping[str, tuple[float, float]] = {
    MILESTONE: (0, 1),
    **dict.fromkeys((COMPLIANCE, *MEETINGS), (0, math.inf)),
}
"""Measures whose values Warden counts, with the least and the most that one can be; any other may be any number."""


def expected_of(name: str, value: float) -> str | None:
    """Return the values a measure of this name can have, in words, where `value` is none of them; else None."""
    least, most = COUNTED.get(name, (-math.inf, math.inf))
    if least <= value <= most:
        return None
    return "0 or more" if most == math.inf else "0 (missed) to 1 (met)"


Fact = Message | Delivery | Article | Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What somebody answered to an invitation of ours (RFC 5546 REPLY). It is about a meeting, and no fact.

    `attendee`: the address, lower case, that the answer came from and speaks for. `sequence`: of the invitation it
    answers. `partstat`: "accepted", "declined", "tentative" or "delegated". `at`: its DTSTAMP, UTC.
    """

    meeting_id: UUID
    attendee: str
    partstat: str
    sequence: int
    at: datetime
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in the payload that could not be read and was set aside: where it is, and what was expected."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one visit brought. `not_before`: the source asked not to be visited earlier.

    `replies`: answers to Warden's own invitations that came the same way (docs/adr/0013).
    """

    facts: Sequence[Fact]
    cursor: Cursor = field(default_factory=dict)
    not_before: datetime | None = None
    problems: Sequence[Problem] = ()
    replies: Sequence[Reply] = ()


class SourceError(Exception):
    """A visit that failed. `str(error)` is one plain sentence without secrets."""


class SourceUnavailable(SourceError):
    """Nobody has to act yet: try later. `not_before` is what Retry-After said."""

    def __init__(self, message: str, not_before: datetime | None = None) -> None:
        super().__init__(message)
        self.not_before = not_before


class SourceRefused(SourceError):
    """A person has to act: the address or the credentials are refused (401, 403, 410, blocked address).

    `status`: the HTTP status that said so, None for any other reason.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class SourceChanged(SourceError):
    """A developer has to act: the payload is not as understood. Nothing is guessed."""


@dataclass(frozen=True, slots=True)
class Named:
    """A partner and what it is searched by: one name at least, the most telling first."""

    partner: str
    names: tuple[str, ...]


LocalPath = Annotated[str, Field(json_schema_extra={"warden": "local_path"})]
"""An option that names a local file. The service allows only paths below its configured roots."""


class Options(BaseModel):
    """Base of every collector's options: unknown names are refused, so that a typo is told and not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: str = Field("", max_length=500, description="What readers of its facts should know; pages show it.")


class Collector(ABC):
    """One kind of source. An instance holds its validated options and, where it asks for them, the partners' names.

    `name` equals the file name. `facts` are the kinds it can report. Subclasses declare their own `Options`; secrets in
    it are `SecretStr`. `needs_names`: it searches for partners, and is handed those to search for, by name.
    `most_seconds`: a visit that lasts longer is given up; less than the 30 minutes for which a visit is claimed.
    """

    name: ClassVar[str]
    facts: ClassVar[frozenset[type[Fact]]]
    needs_names: ClassVar[bool] = False
    most_seconds: ClassVar[float] = 300.0
    Options: ClassVar[type[Options]]

    def __init__(self, options: Any, partners: Sequence[Named] = ()) -> None:
        self.options = options
        self.partners = partners

    @abstractmethod
    def collect(self, cursor: Cursor, http: "Http", now: datetime) -> Batch:
        """Visit the source once.

        Every moment in the batch is aware and not after `now`; what lies after `now` is left for a later visit.
        Raises SourceUnavailable, SourceRefused or SourceChanged.
        """
