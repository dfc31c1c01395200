"""Mail headers: who wrote to whom and when, what is no communication, and that nothing in them can do harm."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.base import Message
from collectors.mail import (
    LONGEST_REPLY,
    MAX_GROUPS,
    MAX_REMEMBERED,
    Correspondence,
    Letter,
    LetterError,
    addresses,
    parse_date,
    read_letter,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OURS = ("ours.example",)


def letter(
    sender: str = "An <an@acme.example>",
    to: str = "me@ours.example",
    date: str | None = "Thu, 26 Feb 2026 10:00:00 +0000",
    received: datetime | None = None,
    **headers: str,
) -> Letter:
    lines = {"From": sender, "To": to, **({"Date": date} if date else {})}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    raw = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return read_letter(raw.encode(), received, NOW)


def facts(*letters: Letter, domains: tuple[str, ...] = OURS) -> list[Message]:
    return Correspondence(domains).facts(letters)


def summary(*letters: Letter) -> list[tuple[str, bool]]:
    return [(fact.key.value, fact.sent) for fact in facts(*letters)]


# Who


def test_the_writer_decides_the_direction() -> None:
    assert summary(letter()) == [("an@acme.example", False)]
    assert summary(letter("me@ours.example", "An <AN@Acme.Example>")) == [("an@acme.example", True)]
    assert summary(letter("me@sales.ours.example", "an@acme.example")) == [("an@acme.example", True)]
    assert summary(letter("me@notours.example", "an@acme.example")) == [("me@notours.example", False)]


def test_a_letter_to_one_company_counts_once_and_to_two_once_each() -> None:
    sent = letter("me@ours.example", "bo@acme.example, an@acme.example", Cc="you@ours.example, cy@bolt.example")
    assert summary(sent) == [("bo@acme.example", True), ("cy@bolt.example", True)]


def test_people_at_a_public_provider_are_strangers() -> None:
    sent = letter("me@ours.example", "one@gmail.com, two@gmail.com, one@gmail.com")
    assert summary(sent) == [("one@gmail.com", True), ("two@gmail.com", True)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("an@acme.example", ["an@acme.example"]),
        ("An Nguyễn <An@ACME.example>", ["an@acme.example"]),
        ('"Doe, Jane" <j@x.example>, Doe, John <k@x.example>', ["j@x.example", "k@x.example"]),
        ('"boss@ours.example" <evil@x.example>', ["evil@x.example"]),
        ("an@acme.example (boss@ours.example (nested, twice))", ["an@acme.example"]),
        ("team: a@x.example, b@x.example;", ["a@x.example", "b@x.example"]),
        ("undisclosed-recipients:;", []),
        ("=?utf-8?B?5Y+w56mN6Zu7?= <t@x.example>", ["t@x.example"]),
        ("an@acme.example.", ["an@acme.example"]),
        ("no address", []),
        ("<>", []),
        ("a@b@c", []),
        ('"never closed <an@acme.example>', []),
        ("", []),
    ],
)
def test_addresses_are_taken_from_where_they_stand(value: str, expected: list[str]) -> None:
    assert addresses(value) == expected


def test_without_a_writer_there_is_no_message() -> None:
    with pytest.raises(LetterError, match="no address in From"):
        letter("nobody")
    assert letter("nobody", Sender="an@acme.example").writer == "an@acme.example"


# When


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Thu, 26 Feb 2026 10:00:00 +0800", datetime(2026, 2, 26, 2, tzinfo=UTC)),
        ("26 Feb 2026 10:00:00 -0000", datetime(2026, 2, 26, 10, tzinfo=UTC)),
        ("26-Feb-2026 10:00:00 +0000", datetime(2026, 2, 26, 10, tzinfo=UTC)),
        ("Thu Feb 26 10:00:00 2026", datetime(2026, 2, 26, 10, tzinfo=UTC)),
        ("Thu, 99 Feb 2026 10:00:00 +0000", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_moments_in_utc(value: str, expected: datetime | None) -> None:
    assert parse_date(value) == expected


RECEIVED = datetime(2026, 2, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    "date", [None, "yesterday", "Thu, 01 Jan 1970 00:00:00 +0000", "Tue, 03 Mar 2026 10:00:00 +0000"]
)
def test_an_unbelievable_date_gives_way_to_when_the_server_received_it(date: str | None) -> None:
    assert letter(date=date, received=RECEIVED).at == RECEIVED


def test_a_moment_still_to_come_is_now() -> None:
    ahead = "Tue, 03 Mar 2026 10:00:00 +0000"
    assert letter(date=ahead).at == NOW
    assert letter(date=ahead, received=NOW + timedelta(days=1)).at == NOW
    with pytest.raises(LetterError, match="no believable date"):
        letter(date=None)


# What is no communication


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner=x"},
        {"Precedence": "Bulk"},
        {"Precedence": "list"},
        {"List_Id": "<news.acme.example>"},
        {"Content_Type": "multipart/report; report-type=delivery-status"},
        {"sender": "MAILER-DAEMON@acme.example"},
        {"sender": "No-Reply@acme.example"},
        {"sender": "noreply@acme.example"},
    ],
)
def test_automatic_messages_are_left_out_and_counted(headers: dict[str, str]) -> None:
    correspondence = Correspondence(OURS)
    assert correspondence.facts([letter(**headers)]) == []  # type: ignore[arg-type]
    (problem,) = correspondence.problems("INBOX")
    assert (problem.where, problem.what) == ("INBOX", "1 left out: automatic messages, lists and bounces")


def test_a_person_is_not_automatic() -> None:
    assert len(facts(letter(Auto_Submitted="no", Precedence="first-class", Content_Type="text/plain"))) == 1
    assert len(facts(letter("noreen@acme.example"))) == 1


def test_messages_among_ourselves_and_mailings_are_left_out() -> None:
    many = ", ".join(f"a@p{number}.example" for number in range(MAX_GROUPS + 1))
    correspondence = Correspondence(OURS)
    inside = letter("me@ours.example", "you@ours.example", Message_ID="<1@x>")
    mailing = letter("me@ours.example", many, Message_ID="<2@x>")
    assert correspondence.facts([inside, mailing]) == []
    assert correspondence.left_out == {
        "messages among ourselves": 1,
        f"mailings to more than {MAX_GROUPS} correspondents": 1,
    }


# Threads and answers


def exchange() -> list[Letter]:
    asked = letter(Message_ID="<1@acme>")
    answered = letter(
        "me@ours.example",
        "an@acme.example, cy@bolt.example",
        "Thu, 26 Feb 2026 11:30:00 +0000",
        Message_ID="<2@ours>",
        In_Reply_To="<1@acme>",
        References="<1@acme>",
    )
    back = letter(
        date="Fri, 27 Feb 2026 11:30:00 +0000", Message_ID="<3@acme>", References="<1@acme> <2@ours>", In_Reply_To=""
    )
    return [asked, answered, back]


def test_an_answer_is_timed_towards_the_one_it_answers() -> None:
    found = [(fact.key.value, fact.reply_seconds) for fact in facts(*reversed(exchange()))]
    assert found == [
        ("an@acme.example", None),
        ("an@acme.example", 5400.0),
        ("cy@bolt.example", None),
        ("an@acme.example", 86400.0),
    ]


def test_letters_of_one_exchange_share_a_thread() -> None:
    threads = {fact.thread for fact in facts(*exchange())}
    assert len(threads) == 1
    assert all(thread and len(thread) == 16 for thread in threads)


def test_an_answer_is_timed_across_visits() -> None:
    asked, *later = exchange()
    first = Correspondence(OURS)
    first.facts([asked])
    second = Correspondence(OURS, first.memory())
    assert [fact.reply_seconds for fact in second.facts(later)] == [5400.0, None, 86400.0]


@pytest.mark.parametrize("delay", [timedelta(seconds=-1), LONGEST_REPLY + timedelta(seconds=1)])
def test_an_answer_before_its_question_or_long_after_is_not_timed(delay: timedelta) -> None:
    asked, answered, _ = exchange()
    moved = Letter(
        answered.message_id, asked.at + delay, answered.writer, answered.readers, answered.parents, "t", False
    )
    assert {fact.reply_seconds for fact in facts(asked, moved)} == {None}


def test_writing_twice_is_not_an_answer() -> None:
    asked = letter(Message_ID="<1@acme>")
    again = letter(date="Fri, 27 Feb 2026 10:00:00 +0000", Message_ID="<2@acme>", In_Reply_To="<1@acme>")
    assert [fact.reply_seconds for fact in facts(asked, again)] == [None, None]


def test_a_letter_in_two_folders_counts_once() -> None:
    assert len(facts(letter(Message_ID="<1@acme>"), letter(Message_ID="<1@acme>"))) == 1
    assert len(facts(letter(), letter())) == 1
    assert len(facts(letter(), letter(date="Fri, 27 Feb 2026 10:00:00 +0000"))) == 2


def test_the_memory_is_bounded() -> None:
    correspondence = Correspondence(OURS)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    correspondence.facts(
        Letter(str(number), start + timedelta(minutes=number), "a@acme.example", (), (), "t", False)
        for number in range(MAX_REMEMBERED + 50)
    )
    memory = correspondence.memory()
    assert len(memory) == MAX_REMEMBERED
    assert min(at for at, _, _ in memory.values()) == int((start + timedelta(minutes=50)).timestamp())


# Hostile headers


@pytest.mark.parametrize(
    "value",
    [
        "(" * 60_000,
        '"' * 60_001,
        "<" * 60_000,
        "a@b," * 15_000,
        '"\\' * 30_000,
        "@" * 60_000,
        "," * 60_000,
        ";:" * 30_000,
    ],
)
def test_a_long_hostile_header_is_read_once(value: str) -> None:
    found = letter(to=value, References=value, Message_ID=value, In_Reply_To=value)
    assert len(found.readers) <= 1


@given(st.binary(max_size=400))
def test_any_bytes_are_a_letter_or_an_error(raw: bytes) -> None:
    for block in (raw, b"From: a@b.example\r\nDate: " + raw, b"From: " + raw, b"From: a@b.example\r\nTo: " + raw):
        try:
            found = read_letter(block, RECEIVED, NOW)
        except LetterError:
            continue
        assert found.at <= NOW
        for fact in facts(found):
            assert fact.key.scheme == "email"


NAMES = st.text(st.characters(exclude_characters='\\"\r\n', exclude_categories=["Cs", "Cc"]), max_size=30)


@given(
    st.lists(
        st.tuples(NAMES, st.from_regex(r"[a-z0-9.+\-]{1,20}@[a-z0-9\-]{1,20}\.example", fullmatch=True)), max_size=8
    )
)
def test_quoted_names_never_change_who_is_addressed(people: list[tuple[str, str]]) -> None:
    value = ", ".join(f'"{name}" <{address}>' for name, address in people)
    assert addresses(value) == [address for _, address in people]
