"""IMAP: a real server, its messages read by headers alone and left as they were."""

import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from contracts import CollectorContract
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError
from servers import ImapServer, imap_server

from collectors.base import Message, SourceChanged, SourceRefused, SourceUnavailable
from collectors.http import Http
from collectors.imap import Imap

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET_SUBJECT = "A subject nobody reads"


def mail(
    number: int, sender: str = "an@acme.example", to: str = "me@ours.example", day: int = 20, **more: str
) -> bytes:
    headers = {"Message-ID": f"<{number}@x>", "From": sender, "To": to, "Subject": SECRET_SUBJECT, **more}
    headers.setdefault("Date", f"{day:02d} Feb 2026 10:00:00 +0000")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    return f"{lines}\r\nA body nobody reads\r\n".encode()


@pytest.fixture
def folder(imap: ImapServer) -> str:
    """A folder of this test's own on the shared server."""
    name = f"Test-{uuid.uuid4().hex[:8]}"
    with imap.session() as client:
        client.create(name)
    return name


def options(server: ImapServer, **more: Any) -> dict[str, Any]:
    shared = {"host": "localhost", "port": server.port, "security": "none", "our_domains": ["ours.example"]}
    return {**shared, "username": server.username, "password": server.password, **more}


def collector(server: ImapServer, **more: Any) -> Imap:
    return Imap(Imap.Options.model_validate(options(server, **more)))


def deliver(server: ImapServer, folder: str, *messages: bytes, received: datetime = NOW - timedelta(days=1)) -> None:
    for message in messages:
        server.deliver(message, received, folder)


class TestImap(CollectorContract):
    collector = Imap

    @pytest.fixture
    def source(self, imap: ImapServer, folder: str) -> Imap:
        deliver(imap, folder, mail(1), mail(2, "me@ours.example", "an@acme.example", 21, **{"In-Reply-To": "<1@x>"}))
        return collector(imap, folders=[folder])

    def test_headers_are_read_and_the_answer_is_timed(self, source: Imap, http: Http) -> None:
        first, second = source.collect({}, http, NOW).facts
        assert isinstance(first, Message)
        assert isinstance(second, Message)
        assert (first.identity, first.key.value, first.sent) == ("1@x|acme.example", "an@acme.example", False)
        assert (second.sent, second.reply_seconds, second.thread) == (True, 86400.0, first.thread)

    def test_only_new_messages_are_read_again(self, source: Imap, http: Http, imap: ImapServer, folder: str) -> None:
        cursor = source.collect({}, http, NOW).cursor
        assert list(source.collect(cursor, http, NOW).facts) == []
        deliver(imap, folder, mail(3, day=22, **{"In-Reply-To": "<2@x>"}))
        (fact,) = source.collect(cursor, http, NOW).facts
        assert isinstance(fact, Message)
        assert (fact.identity, fact.reply_seconds) == ("3@x|acme.example", 86400.0)

    def test_a_mailbox_numbered_anew_is_read_from_the_start(self, source: Imap, http: Http, folder: str) -> None:
        cursor = source.collect({}, http, NOW).cursor
        cursor["folders"][folder][0] += 1
        assert len(source.collect(cursor, http, NOW).facts) == 2

    def test_nothing_is_marked_as_read(self, source: Imap, http: Http, imap: ImapServer, folder: str) -> None:
        source.collect({}, http, NOW)
        with imap.session() as client:
            client.select(folder, readonly=True)
            assert client.search(None, "SEEN") == ("OK", [b""])

    def test_neither_subjects_nor_bodies_are_asked_for(
        self, source: Imap, http: Http, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[bytes] = []
        send = socket.socket.sendall
        monkeypatch.setattr(
            socket.socket, "sendall", lambda sock, data: (asked.append(bytes(data)), send(sock, data))[1]
        )
        batch = source.collect({}, http, NOW)
        fetches = [line for line in asked if b"FETCH" in line]
        assert fetches
        assert all(b"BODY.PEEK[HEADER.FIELDS" in line and b"SUBJECT" not in line for line in fetches)
        assert "nobody reads" not in repr(batch)


ANSWER = (
    'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/plain\r\n\r\nTran accepts.\r\n"
    "--b\r\nContent-Type: text/calendar; charset=UTF-8; method=REPLY\r\n\r\n"
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\n"
    "UID:7c6b5a49-3827-4615-8403-f2e1d0c9b877@warden\r\nDTSTAMP:20260301T090000Z\r\nSEQUENCE:1\r\n"
    "ATTENDEE;PARTSTAT=ACCEPTED:mailto:tran@ours.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n\r\n--b--\r\n"
)


def test_an_answer_to_an_invitation_is_read_and_no_other_body(imap: ImapServer, folder: str, http: Http) -> None:
    answer = mail(1, "tran@ours.example", "warden@ours.example").partition(b"\r\n\r\n")[0]
    other = mail(2, **{"Content-Type": "multipart/mixed; boundary=c"}).replace(b"A body", b"--c\r\n\r\nREPLY\r\n--c--")
    deliver(imap, folder, f"{answer.decode()}\r\n{ANSWER}".encode(), other)
    batch = collector(imap, folders=[folder]).collect({}, http, NOW)
    assert [(reply.attendee, reply.partstat, reply.sequence) for reply in batch.replies] == [
        ("tran@ours.example", "accepted", 1)
    ]
    assert collector(imap, folders=[folder]).collect(batch.cursor, http, NOW).replies == []
    assert collector(imap, folders=[folder], replies=False).collect({}, http, NOW).replies == []


def test_messages_are_taken_in_portions(imap: ImapServer, folder: str, http: Http) -> None:
    deliver(imap, folder, *(mail(number) for number in range(5)))
    source = collector(imap, folders=[folder], max_messages=2)
    seen, cursor = [], {}
    for _ in range(4):
        batch = source.collect(cursor, http, NOW)
        seen.append([fact.identity.partition("@")[0] for fact in batch.facts])
        cursor = batch.cursor
    assert seen == [["0", "1"], ["2", "3"], ["4"], []]


def test_a_first_visit_looks_back_only_so_far(imap: ImapServer, folder: str, http: Http) -> None:
    deliver(imap, folder, mail(1), received=NOW - timedelta(days=40))
    deliver(imap, folder, mail(2))
    (fact,) = collector(imap, folders=[folder], since_days=30).collect({}, http, NOW).facts
    assert fact.identity == "2@x|acme.example"


def test_a_letter_in_two_folders_counts_once(imap: ImapServer, folder: str, http: Http) -> None:
    other = f"{folder}-copy"
    with imap.session() as client:
        client.create(other)
    deliver(imap, folder, mail(1))
    deliver(imap, other, mail(1), mail(2))
    assert len(collector(imap, folders=[folder, other]).collect({}, http, NOW).facts) == 2


def test_dates_give_way_to_when_the_server_received_the_message(imap: ImapServer, folder: str, http: Http) -> None:
    received = datetime(2026, 2, 27, 8, tzinfo=UTC)
    deliver(imap, folder, mail(1, Date=""), mail(2, Date="Mon, 01 Jan 2035 00:00:00 +0000"), received=received)
    deliver(imap, folder, mail(3, Date=""), received=NOW + timedelta(days=3))
    facts = collector(imap, folders=[folder]).collect({}, http, NOW).facts
    assert [fact.at for fact in facts] == [received, received, NOW]


def test_what_is_no_communication_is_counted(imap: ImapServer, folder: str, http: Http) -> None:
    deliver(imap, folder, mail(1, Precedence="list"), mail(2, "nobody"), mail(3))
    batch = collector(imap, folders=[folder]).collect({}, http, NOW)
    assert len(batch.facts) == 1
    assert [(problem.where.partition(",")[0], problem.what) for problem in batch.problems] == [
        (folder, "no address in From"),
        ("the mailbox", "1 left out: automatic messages, lists and bounces"),
    ]


# Who must act


@pytest.mark.parametrize("credentials", [{"password": "wrong"}, {"password": "pässwort"}, {"username": "nobody"}])
def test_a_refused_sign_in_is_for_a_person(imap: ImapServer, http: Http, credentials: dict[str, str]) -> None:
    with pytest.raises(SourceRefused) as caught:
        collector(imap, **credentials).collect({}, http, NOW)
    assert str(caught.value) == "localhost refused the username or the password."
    assert caught.value.__cause__ is None


def test_a_folder_that_is_not_there_is_for_a_person(imap: ImapServer, http: Http) -> None:
    with pytest.raises(SourceRefused, match='no folder "Archive"'):
        collector(imap, folders=["Archive"]).collect({}, http, NOW)


def test_a_blocked_address_is_for_a_person(imap: ImapServer) -> None:
    with Http() as guarded, pytest.raises(SourceRefused, match="localhost has a private or reserved address"):
        collector(imap).collect({}, guarded, NOW)


def test_nobody_there_is_tried_later(http: Http) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(SourceUnavailable, match="localhost could not be reached"):
        collector(ImapServer(port)).collect({}, http, NOW)
    with pytest.raises(SourceUnavailable, match="does not resolve"):
        collector(ImapServer(port), host="name.invalid").collect({}, http, NOW)


@contextmanager
def scripted(*answers: bytes) -> Iterator[ImapServer]:
    """A server that says what it was told to, one answer per line it gets, the first unasked; `TAG` is filled in."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                tag = b"*"
                for answer in answers:
                    try:
                        connection.sendall(answer.replace(b"TAG", tag))
                    except ConnectionError:
                        return
                    tag = (lines.readline().split() or [b"*"])[0]

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield ImapServer(listener.getsockname()[1])
        finally:
            thread.join()


HELLO = b"* OK [CAPABILITY IMAP4rev1] hello\r\n"
SIGNED_IN = (HELLO, b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n", b"TAG OK done\r\n")
OPENED = (*SIGNED_IN, b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nTAG OK [READ-ONLY]\r\n")
FOUND = (*OPENED, b"* SEARCH 5\r\nTAG OK done\r\n")


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), SourceUnavailable),
        ((b"* BYE overloaded\r\n",), SourceChanged),
        ((HELLO,), SourceUnavailable),
        ((*SIGNED_IN[:2], b"TAG NO [UNAVAILABLE] later\r\n"), SourceUnavailable),
        ((*SIGNED_IN[:2], b"TAG NO [AUTHENTICATIONFAILED] no\r\n"), SourceRefused),
        ((*OPENED, b"TAG NO what?\r\n"), SourceChanged),
        ((*FOUND, b"* 1 FETCH (UID 5 BODY[HEADER] {9999999999}\r\n"), SourceUnavailable),
        ((*FOUND, b"x" * 30_000_000), SourceChanged),
        ((*FOUND, b"* 1 FETCH (BODY[HEADER] {3}\r\nA:b)\r\nTAG OK done\r\n"), SourceChanged),
        ((*FOUND, b"* 1 FETCH (UID 5 BODY[HE"), SourceUnavailable),
    ],
)
def test_a_server_that_misbehaves_ends_in_a_stated_error(
    http: Http, answers: tuple[bytes, ...], error: type[Exception]
) -> None:
    with scripted(*answers) as server, pytest.raises(error) as caught:
        collector(server).collect({}, http, NOW)
    assert server.password not in str(caught.value)


def test_a_uid_may_follow_the_headers(http: Http) -> None:
    block = b"From: an@acme.example\r\nDate: 20 Feb 2026 10:00:00 +0000\r\n\r\n"
    fetched = b"* 1 FETCH (BODY[HEADER.FIELDS (FROM)] {%d}\r\n%s UID 5)\r\nTAG OK done\r\n" % (len(block), block)
    with scripted(*FOUND, fetched, b"TAG OK done\r\n") as server:
        batch = collector(server).collect({}, http, NOW)
    assert len(batch.facts) == 1
    assert batch.cursor["folders"] == {"INBOX": [7, 5]}


# Encryption


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def test_starttls_checks_the_certificate_against_the_name(
    certificate: tuple[Path, Path], http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    with imap_server(certificate) as server:
        source = collector(server, security="starttls")
        with pytest.raises(SourceRefused, match="The certificate of localhost is not valid"):
            source.collect({}, http, NOW)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert list(source.collect({}, http, NOW).facts) == []
        with pytest.raises(SourceRefused, match=r"The certificate of 127.0.0.1 is not valid"):
            collector(server, security="starttls", host="127.0.0.1").collect({}, http, NOW)


def test_a_server_without_encryption_is_told(imap: ImapServer, http: Http) -> None:
    for security in ("ssl", "starttls"):
        with pytest.raises((SourceUnavailable, SourceChanged)):
            collector(imap, security=security).collect({}, http, NOW)


def test_the_port_follows_from_the_encryption() -> None:
    shared = {"host": "h", "username": "u", "password": "p", "our_domains": ["ours.example"]}
    ports = [
        Imap.Options.model_validate({**shared, "security": kind}).port_or_default
        for kind in ("ssl", "starttls", "none")
    ]
    assert ports == [993, 143, 143]
    with pytest.raises(ValidationError, match="our_domains"):
        Imap.Options.model_validate({**shared, "our_domains": []})
