"""mbox files: only headers are read, only what was added is read again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from contracts import FileCollectorContract
from pydantic import ValidationError

from collectors import mbox
from collectors.base import Batch, Message, SourceChanged
from collectors.http import Http
from collectors.mbox import Mbox

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def mail(
    number: int, sender: str = "an@acme.example", to: str = "me@ours.example", day: int = 20, **more: str
) -> bytes:
    headers = {"Message-ID": f"<{number}@x>", "From": sender, "To": to, "Subject": "From now on, secret", **more}
    headers.setdefault("Date", f"{day:02d} Feb 2026 10:00:00 +0000")
    lines = "".join(f"{name}: {value}\n" for name, value in headers.items() if value)
    body = "Not the headers:\nFrom: evil@evil.example\n>From here on\n\nDate: tomorrow\n"
    return f"From {sender} Fri Feb {day:02d} 11:00:00 2026\n{lines}\n{body}\n".encode()


GOOD = mail(1) + mail(2, "me@ours.example", "an@acme.example", 21, **{"In-Reply-To": "<1@x>"})


class TestMbox(FileCollectorContract):
    collector = Mbox
    good = GOOD
    renamed = GOOD.replace(b"From ", b"Form ")
    cap = 0

    def options(self, path: Path) -> dict[str, Any]:
        return {"path": str(path), "our_domains": ["ours.example"]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "archive.mbox"


def visit(path: Path, cursor: dict[str, Any] | None = None) -> Batch:
    collector = Mbox(Mbox.Options.model_validate({"path": str(path), "our_domains": ["@Ours.Example."]}))
    return collector.collect(cursor or {}, Http(), NOW)


def identities(batch: Batch) -> list[str]:
    return [fact.identity for fact in batch.facts]


def test_messages_are_read_by_their_headers_alone(path: Path) -> None:
    path.write_bytes(GOOD.replace(b"\n", b"\r\n"))
    first, second = visit(path).facts
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert (first.key.value, first.at, first.sent) == ("an@acme.example", datetime(2026, 2, 20, 10, tzinfo=UTC), False)
    assert (second.key.value, second.sent, second.reply_seconds) == ("an@acme.example", True, 86400.0)
    assert (first.identity, first.thread) == ("1@x|acme.example", second.thread)


def test_an_unchanged_file_brings_nothing_and_a_grown_one_its_growth(path: Path) -> None:
    path.write_bytes(GOOD)
    first = visit(path)
    unchanged = visit(path, first.cursor)
    assert (list(unchanged.facts), unchanged.cursor) == ([], first.cursor)
    path.write_bytes(GOOD + mail(3, day=22, **{"In-Reply-To": "<2@x>"}))
    grown = visit(path, first.cursor)
    assert identities(grown) == ["2@x|acme.example", "3@x|acme.example"]
    assert grown.facts[0] == first.facts[1]
    assert isinstance(grown.facts[1], Message)
    assert grown.facts[1].reply_seconds == 86400.0


@pytest.mark.parametrize("other", [mail(7) + mail(8), mail(7)])
def test_another_file_in_its_place_is_read_from_the_start(path: Path, other: bytes) -> None:
    path.write_bytes(GOOD)
    cursor = visit(path).cursor
    path.write_bytes(other)
    assert identities(visit(path, cursor))[0] == "7@x|acme.example"


def test_a_message_whose_headers_are_being_written_waits(path: Path) -> None:
    whole = GOOD + mail(3)
    path.write_bytes(whole[: whole.index(b"Message-ID: <3@x>") + 30])
    first = visit(path)
    assert identities(first) == ["1@x|acme.example", "2@x|acme.example"]
    path.write_bytes(whole)
    assert identities(visit(path, first.cursor)) == ["3@x|acme.example"]


def test_a_large_archive_is_read_over_several_visits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mbox, "MAX_MESSAGES", 3)
    path.write_bytes(b"".join(mail(number) for number in range(8)))
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(4):
        batch = visit(path, cursor)
        seen += identities(batch)
        cursor = batch.cursor
    assert seen == [f"{number}@x|acme.example" for number in range(8)]


def test_an_empty_archive_is_an_empty_answer(path: Path) -> None:
    path.write_bytes(b"")
    first = visit(path)
    assert list(first.facts) == []
    path.write_bytes(GOOD)
    assert len(visit(path, first.cursor).facts) == 2


def test_a_missing_date_is_taken_from_the_envelope(path: Path) -> None:
    path.write_bytes(mail(1, Date="") + mail(2, Date="Mon, 01 Jan 2035 00:00:00 +0000"))
    assert [fact.at for fact in visit(path).facts] == [datetime(2026, 2, 20, 11, tzinfo=UTC)] * 2


def test_what_is_no_letter_is_set_aside_and_counted(path: Path) -> None:
    nameless = b"From nobody\nSubject: x\n\nbody\n\n"
    path.write_bytes(nameless + mail(1) + mail(2, Precedence="bulk"))
    batch = visit(path)
    assert len(batch.facts) == 1
    assert [(problem.where, problem.what) for problem in batch.problems] == [
        ("the message at byte 0", "no address in From"),
        ("archive.mbox", "1 left out: automatic messages, lists and bounces"),
    ]


def test_endless_lines_and_headers_are_cut(path: Path) -> None:
    huge = b"From x\nFrom: a@acme.example\nDate: 20 Feb 2026 10:00:00 +0000\nX: " + b"y" * 3_000_000
    path.write_bytes(huge + b"\n\n" + b"z" * 3_000_000 + b"\n\n" + mail(2))
    assert len(visit(path).facts) == 2


def test_a_file_that_is_no_archive_is_not_understood(path: Path) -> None:
    path.write_bytes(b"Subject: just one mail\n\nbody\n")
    with pytest.raises(SourceChanged, match=r"archive\.mbox is not an mbox file"):
        visit(path)


def test_our_own_domains_are_needed() -> None:
    for domains in ([], [""], ["@"]):
        with pytest.raises(ValidationError, match="our_domains"):
            Mbox.Options.model_validate({"path": "x", "our_domains": domains})
