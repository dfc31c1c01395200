"""The channel-neutral message and its parts, to and from JSON values."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from warden.domain import NoticeReason, NotificationReason, Severity
from warden.wording import Reader, likelihood, percent

SEALED = "sealed:"
"""Stands in a link for an address that is a secret; `Message.sealed` holds it encrypted until it is sent."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list. `group` is the heading it stands under; equal neighbours share one heading."""

    title: str
    text: str = ""
    url: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a matrix: how many stand in it, and its band by name and colours (`#rrggbb`, ink on ground)."""

    count: int
    band: str
    ground: str
    ink: str


@dataclass(frozen=True, slots=True)
class Board:
    """The risk matrix with how many partners stand where; channels that draw no tables leave it out.

    `columns` are the levels of impact, mildest first; each row is a level of likelihood, the highest first.
    """

    caption: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody asked to a meeting. `partstat`: what they answered, in the words of RFC 5545, lower case."""

    name: str
    email: str
    role: str = ""
    partstat: str = "needs-action"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What a calendar needs to know of a meeting. Without `starts_at` it is the whole day of `due_on`, tentatively.

    `is_for_all`: what is cancelled is so for everybody; False: for these attendees alone.
    """

    method: Literal["REQUEST", "CANCEL"]
    uid: str
    sequence: int
    summary: str
    description: str
    due_on: date
    starts_at: datetime | None
    minutes: int
    place: str
    url: str
    attendees: tuple[Attendee, ...]
    is_for_all: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message in its reader's language, for any channel. All texts are plain; every channel escapes them itself.

    The first of `links` is where all of it can be read: a channel that has to leave items out points there.
    """

    reason: NotificationReason
    title: str
    lead: str
    notice: NoticeReason | None = None  # of a message about alerts: what is new about them
    severity: Severity | None = None
    facts: tuple[tuple[str, str], ...] = ()
    items: tuple[Item, ...] = ()
    board: Board | None = None
    left_out: int = 0  # items that exist but are not listed
    closing: str = ""  # one sentence after the items
    links: tuple[tuple[str, str], ...] = ()
    verdicts: tuple[tuple[str, str], ...] = ()  # more links, by which whoever opens them acts for the reader
    invitation: Invitation | None = None
    unsubscribe_url: str = ""
    confirm_url: str = ""  # to be called by the program that shows the message
    sealed: str = ""
    footer: str = ""  # why the reader gets this

    def as_data(self) -> dict[str, Any]:
        """Return the message as JSON values."""
        data = asdict(self)
        if self.invitation is not None:
            starts_at = self.invitation.starts_at
            data["invitation"]["due_on"] = self.invitation.due_on.isoformat()
            data["invitation"]["starts_at"] = starts_at.isoformat() if starts_at else None
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Message":
        """Return the message `as_data` was made from. Raises KeyError, TypeError or ValueError for anything else."""
        values = dict(data)
        values["reason"] = NotificationReason(data["reason"])
        values["notice"] = NoticeReason(data["notice"]) if data.get("notice") else None
        values["severity"] = Severity(data["severity"]) if data["severity"] else None
        values["facts"] = tuple((label, value) for label, value in data["facts"])
        values["items"] = tuple(Item(**item) for item in data["items"])
        values["links"] = tuple((label, url) for label, url in data["links"])
        values["verdicts"] = tuple((label, url) for label, url in data.get("verdicts", ()))
        values["invitation"] = _invitation_from(data["invitation"]) if data["invitation"] else None
        values["board"] = _board_from(data["board"]) if data.get("board") else None
        return cls(**values)

    def keeping(self, count: int) -> "Message":
        """Return the message with `count` items, the first of each heading in turn; the others count as left out.

        However much stands under the first heading, the others are not left without a line.
        """
        seen: Counter[str] = Counter()
        ranked = []
        for number, item in enumerate(self.items):
            ranked.append((seen[item.group], number))
            seen[item.group] += 1
        kept = sorted(number for _, number in sorted(ranked)[:count])
        dropped = max(0, len(self.items) - count)
        return replace(self, items=tuple(self.items[one] for one in kept), left_out=self.left_out + dropped)

    def opened(self, url: str) -> "Message":
        """Return the message with its sealed link replaced by `url`."""
        links = tuple((label, url if link == SEALED else link) for label, link in self.links)
        return replace(self, links=links, sealed="")


def _invitation_from(data: Mapping[str, Any]) -> Invitation:
    values = dict(data)
    values["due_on"] = date.fromisoformat(data["due_on"])
    values["starts_at"] = datetime.fromisoformat(data["starts_at"]) if data["starts_at"] else None
    values["attendees"] = tuple(Attendee(**attendee) for attendee in data["attendees"])
    return Invitation(**values)


def _board_from(data: Mapping[str, Any]) -> Board:
    rows = tuple((label, tuple(Cell(**cell) for cell in cells)) for label, cells in data["rows"])
    return Board(data["caption"], data["corner"], tuple(data["columns"]), rows)


def facts_of(reader: Reader, *pairs: tuple[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the labelled values that are known, in the reader's words."""
    shown = ((label, value) for label, value in pairs if value is not None)
    return tuple(
        (reader.tr(label), reader.fact({"message": "%(value)s", "params": {"value": value}})) for label, value in shown
    )


def likelihood_of(reader: Reader, share: float | None) -> str | None:
    return None if share is None else likelihood(reader.tr, share, reader.locale)


def percent_of(reader: Reader, share: float | None) -> str | None:
    return None if share is None else percent(share, reader.locale)
