import re
import smtplib
import ssl
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from quopri import decodestring
from typing import Any

import pytest
from contracts import ChannelContract
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fakes import mail_server
from icalendar import Calendar, Component
from pydantic import ValidationError
from samples import NOW, SCHEDULED, awkward_messages, digest, every_message, meeting

from collectors.http import Http
from warden import messages
from warden.channels.base import ChannelRefused, ChannelUnavailable, Envelope, MessageRefused
from warden.channels.email import Email, Options
from warden.domain import NotificationReason, NotificationStatus
from warden.messages import Message
from warden.wording import reader_of

PASSWORD = "correct-horse"
MOST_BYTES = 100_000
"""What a mail may be, by what was promised; Gmail hides what comes after 102 KB."""
TEST = every_message()[NotificationReason.TEST]


def email(port: int = 587, **options: Any) -> Email:
    defaults = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "warden@our.example"}
    return Email(Options(**{**defaults, "to": ("ops@our.example",), **options}))


def parse(payload: bytes) -> EmailMessage:
    mail = message_from_bytes(payload, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def part(mail: EmailMessage, kind: str) -> Any:
    (found,) = [one for one in mail.walk() if one.get_content_type() == kind]
    assert isinstance(found, EmailMessage)
    return found.get_content()


def event(payload: bytes) -> Component:
    calendar = Calendar.from_ical(part(parse(payload), "text/calendar"))
    (found,) = calendar.walk("VEVENT")
    return found


class TestEmail(ChannelContract):
    secrets = (PASSWORD,)

    def channel(self, url: str) -> Email:
        if url.startswith("ftp:"):
            return email(sender=url)
        return email(security="tls", username="warden", password=PASSWORD)

    def readable(self, payload: bytes) -> str:
        return str(part(parse(payload), "text/html"))

    def fault(self, payload: bytes) -> str | None:
        mail = parse(payload)
        kinds = [one.get_content_type() for one in mail.iter_parts()]
        calendars = kinds[2:]
        faults = [str(defect) for one in mail.walk() for defect in one.defects]
        if kinds[:2] != ["text/plain", "text/html"] or calendars not in ([], ["text/calendar"]):
            faults.append(f"parts {kinds}")
        if len(payload) > MOST_BYTES:
            faults.append("clipped")
        if any(len(line) > 998 for line in payload.split(b"\r\n")) or not payload.isascii():
            faults.append("lines longer than 998 octets, or 8 bit")
        return f"{faults}" if faults else None


def test_a_mail_has_text_first_and_a_stable_id(envelope: Envelope) -> None:
    first = parse(email().render(TEST, envelope, NOW))
    again = parse(email().render(TEST, envelope, NOW + timedelta(hours=1)))
    assert first["Message-ID"] == again["Message-ID"] == f"<{envelope.notification_id}@our.example>"
    assert first["From"] == "Warden <warden@our.example>"
    assert first["To"] == "ops@our.example"
    assert first["Date"].datetime == NOW
    assert first["Auto-Submitted"] == "auto-generated"
    assert [one.get_content_type() for one in first.iter_parts()] == ["text/plain", "text/html"]


def test_no_header_can_be_broken_out_of(envelope: Envelope) -> None:
    evil = "Hello\r\nBcc: victim@evil.example\r\n\r\nbody\u2028\x00\x0bX: y"
    message = Message(reason=NotificationReason.TEST, title=evil, lead=evil)
    mail = parse(email(sender_name=evil).render(message, envelope, NOW))
    assert mail["Bcc"] is None
    assert mail["X"] is None
    assert mail["Subject"] == "Hello Bcc: victim@evil.example body X: y"


@pytest.mark.parametrize(
    "title",
    [
        "7 đối tác cần chú ý",
        "Nghiêm trọng: Công ty Cổ phần Dược phẩm Hậu Giang – không có dấu hiệu nào trong 28 ngày",
        "嚴重：北京 供應商 有限公司 – 已經 三十 天 沒有 任何 往來，需要 在 三月 九日 之前 召開 高層 會議",
        "Critical: Smith & Co <Taipei> – Band high or worse, and then some more that does not fit on one line at all",
    ],
)
def test_a_folded_subject_keeps_its_spaces(envelope: Envelope, title: str) -> None:
    """Read as RFC 2047 has it: white space between two encoded words is no part of the text, nor is a fold."""
    payload = email().render(Message(reason=NotificationReason.TEST, title=title, lead=title), envelope, NOW)
    assert parse(payload)["Subject"] == title
    raw = re.search(rb"^Subject: (.*(?:\r\n[ \t].*)*)\r$", payload, re.MULTILINE)
    assert raw is not None
    assert all(len(line) <= 76 for line in raw[0].splitlines())
    words = re.sub(r"\?=\s+=\?", "?==?", raw[1].decode("ascii").replace("\r\n", ""))
    assert re.sub(r"=\?utf-8\?([bq])\?(.*?)\?=", _decoded, words) == title


def _decoded(word: re.Match[str]) -> str:
    decode = b64decode if word[1] == "b" else partial(decodestring, header=True)
    return decode(word[2].encode()).decode()


@pytest.mark.parametrize("address", ["a b@c.example", "a@b.example\r\nBcc: x@y.example", "nobody", "<a@b.example>"])
def test_an_address_that_is_none_is_refused(http: Http, envelope: Envelope, address: str) -> None:
    with pytest.raises(MessageRefused, match="not an e-mail address"):
        email().send(TEST, replace(envelope, recipient=address), http, NOW)
    with pytest.raises(ValidationError):
        email(to=(address,))


def test_a_password_never_travels_in_the_clear() -> None:
    with pytest.raises(ValidationError, match="in the clear") as caught:
        email(security="none", username="w", password=PASSWORD)
    assert PASSWORD not in str(caught.value)


def test_a_digest_can_be_called_off_with_one_click(envelope: Envelope) -> None:
    payload = email().render(every_message()[NotificationReason.DIGEST], envelope, NOW)
    mail = parse(payload)
    url = "https://warden.example/digests/9/unsubscribe?signature=abc"
    assert mail["List-Unsubscribe"] == f"<{url}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url in part(mail, "text/plain")
    assert f'href="{url}"' in part(mail, "text/html")
    assert parse(email().render(TEST, envelope, NOW))["List-Unsubscribe"] is None


@pytest.mark.parametrize("locale", ["en", "zh-Hant", "zh-Hans", "vi"])
@pytest.mark.parametrize("name", ["Acme", "台灣<半導體>&製造\"股份'有限公司" * 12], ids=["short", "long"])
def test_a_digest_of_500_partners_is_not_clipped(envelope: Envelope, locale: str, name: str) -> None:
    found = digest(500)
    every = [replace(one, name=f"{name} {number}") for number, one in enumerate(found.worst)]
    found = replace(found, worst=every, worsened=every, improved=every, unknown=every)
    message = messages.digest(found, reader_of(locale))
    payload = email().render(message, envelope, NOW)
    assert len(payload) <= MOST_BYTES, "as it is sent, with all its parts encoded"
    html, text = (part(parse(payload), kind) for kind in ("text/html", "text/plain"))
    listed = html.count('<tr class="item">')
    assert listed > 40
    assert f"{len(message.items) + message.left_out - listed:,}"[-3:] in html, "what is left out is counted"
    for told in (html, text):
        assert "Smith" in told, "meetings and actions are told"
        assert "Order mailbox" in told, "what is blind is told however many partners there are"


def test_styles_are_inline_and_nothing_is_loaded(envelope: Envelope) -> None:
    html = part(parse(email().render(every_message()[NotificationReason.ALERT_FIRED], envelope, NOW)), "text/html")
    assert "<style" not in html
    assert not re.search(r"<(img|script|link)|url\(", html)
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "Smith &amp; Co &lt;Taipei&gt;" in html


# --- invitations ------------------------------------------------------------------------------------------------------


def test_a_proposed_meeting_is_a_tentative_day(envelope: Envelope) -> None:
    found = event(email().render(every_message()[NotificationReason.MEETING_PROPOSED], envelope, NOW))
    assert found["STATUS"] == "TENTATIVE"
    assert found["TRANSP"] == "TRANSPARENT"
    assert found.decoded("DTSTART") == date(2026, 3, 9)
    assert found.decoded("DTEND") == date(2026, 3, 10)
    assert found["SEQUENCE"] == 0


def test_a_scheduled_meeting_is_in_utc(envelope: Envelope) -> None:
    payload = email().render(every_message()[NotificationReason.MEETING_SCHEDULED], envelope, NOW)
    found = event(payload)
    assert found["STATUS"] == "CONFIRMED"
    assert found.decoded("DTSTART") == datetime(2026, 3, 6, 1, 0, tzinfo=UTC)
    assert found.decoded("DTEND") == datetime(2026, 3, 6, 2, 0, tzinfo=UTC)
    assert b"DTSTART:20260306T010000Z" in part(parse(payload), "text/calendar").encode()
    assert found["LOCATION"] == "Room 3; 台北"


def test_all_invitations_of_a_meeting_are_one_appointment(envelope: Envelope) -> None:
    every = every_message()
    reasons = [
        NotificationReason.MEETING_PROPOSED,
        NotificationReason.MEETING_SCHEDULED,
        NotificationReason.MEETING_CANCELLED,
    ]
    found = [event(email().render(every[reason], envelope, NOW)) for reason in reasons]
    assert len({str(one["UID"]) for one in found}) == 1
    assert [one["SEQUENCE"] for one in found] == [0, 1, 2]
    assert found[2]["STATUS"] == "CANCELLED"


def test_who_is_released_is_not_told_that_the_meeting_is_cancelled(envelope: Envelope) -> None:
    why = {"message": "This meeting goes on without you.", "params": {}}
    gone = {"sequence": 2, "reason": why, "attendees": meeting().attendees[:1]}
    one = meeting(**{**SCHEDULED, **gone})
    mail = email().render(messages.meeting_released(one, envelope.reader), envelope, NOW)
    found = event(mail)
    assert b"METHOD:CANCEL" in part(parse(mail), "text/calendar").encode()
    assert (found["SEQUENCE"], str(found["ATTENDEE"])) == (2, "mailto:an@our.example")
    assert "STATUS" not in found, "RFC 5546, 3.2.5: the meeting goes on"
    assert "Room 3" not in part(parse(mail), "text/html"), "it says nothing of what the meeting is about"


@pytest.mark.parametrize(
    ("reason", "method"),
    [
        (NotificationReason.MEETING_PROPOSED, "REQUEST"),
        (NotificationReason.MEETING_SCHEDULED, "REQUEST"),
        (NotificationReason.MEETING_CANCELLED, "CANCEL"),
    ],
)
def test_the_methods_agree_and_the_calendar_is_the_last_part(
    envelope: Envelope, reason: NotificationReason, method: str
) -> None:
    mail = parse(email().render(every_message()[reason], envelope, NOW))
    last = list(mail.iter_parts())[-1]
    assert last.get_content_type() == "text/calendar"
    assert last["Content-Type"].params == {"method": method, "charset": "utf-8"}
    assert last["Content-Disposition"] is None
    assert Calendar.from_ical(last.get_content())["METHOD"] == method


def test_attendees_are_asked_and_answer_to_a_mailbox_of_ours(envelope: Envelope) -> None:
    found = event(email().render(every_message()[NotificationReason.MEETING_PROPOSED], envelope, NOW))
    assert str(found["ORGANIZER"]) == "mailto:warden@our.example"
    assert not found["ORGANIZER"].params
    an, chen = found["ATTENDEE"]
    assert (str(an), an.params["RSVP"], an.params["PARTSTAT"]) == ("mailto:an@our.example", "TRUE", "NEEDS-ACTION")
    assert (str(chen), chen.params["CN"]) == ("mailto:chen@our.example", "陳, 美玲")
    assert found.decoded("DTSTAMP") == NOW


def test_calendar_lines_are_folded_by_octets(envelope: Envelope) -> None:
    context = meeting(partner="台灣製造股份有限公司" * 30, **SCHEDULED)
    payload = email().render(messages.meeting_scheduled(context, reader_of("zh-Hant")), envelope, NOW)
    (calendar,) = [one for one in parse(payload).walk() if one.get_content_type() == "text/calendar"]
    raw = calendar.get_payload(decode=True)
    assert isinstance(raw, bytes)
    assert max(len(line) for line in raw.splitlines()) <= 75
    assert "台灣製造股份有限公司" in event(payload)["SUMMARY"]


def test_names_cannot_add_properties_to_an_invitation(envelope: Envelope) -> None:
    evil = 'X"\r\nATTENDEE:mailto:evil@evil.example\r\nBEGIN:VALARM'
    context = meeting(partner=evil, place=evil, attendees=(messages.Attendee(evil, "an@our.example\r\nX:y"),))
    found = event(email().render(messages.meeting_proposed(context, reader_of("en")), envelope, NOW))
    assert found["ATTENDEE"] == "mailto:an@our.example X:y"
    assert not found.subcomponents


def test_a_missed_meeting_leaves_calendars_alone(envelope: Envelope) -> None:
    mail = parse(email().render(every_message()[NotificationReason.MEETING_ESCALATED], envelope, NOW))
    assert "text/calendar" not in [one.get_content_type() for one in mail.walk()]


# --- over a real SMTP server ------------------------------------------------------------------------------------------


def test_every_message_arrives_whole(http: Http, envelope: Envelope) -> None:
    every = [*every_message("zh-Hant").values(), *awkward_messages()]
    with mail_server() as server:
        for message in every:
            receipt = email(server.port).send(message, envelope, http, NOW)
            assert receipt.status is NotificationStatus.SENT
    assert len(server.mails) == len(every)
    sent = email().render(every[2], envelope, NOW)
    assert server.mails[2].content.rstrip() == sent.rstrip()
    assert server.mails[2].sender == "warden@our.example"


def test_a_recipient_replaces_the_own_addresses(http: Http, envelope: Envelope) -> None:
    with mail_server() as server:
        email(server.port).send(TEST, replace(envelope, recipient="an@our.example"), http, NOW)
    assert server.mails[0].recipients == ["an@our.example"]
    assert server.mails[0].parsed["To"] == "an@our.example"


def test_without_any_address_the_message_is_refused(http: Http, envelope: Envelope) -> None:
    with pytest.raises(MessageRefused, match="no addresses"):
        email(to=()).send(TEST, envelope, http, NOW)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_it_signs_in_over_tls(http: Http, envelope: Envelope, certificate: "Certificate", security: str) -> None:
    with mail_server(certificate=certificate.server, tls_at_once=security == "tls", password=PASSWORD) as server:
        options = {"security": security, "authority": certificate.pem, "username": "warden"}
        email(server.port, password=PASSWORD, **options).send(TEST, envelope, http, NOW)
        assert (server.mails[0].user, server.mails[0].is_encrypted) == ("warden", True)
        with pytest.raises(ChannelRefused, match="535") as caught:
            email(server.port, password="wrong-wrong", **options).send(TEST, envelope, http, NOW)
    assert "wrong-wrong" not in str(caught.value)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_nobody_vouches_for_is_refused(
    http: Http, envelope: Envelope, certificate: "Certificate", security: str
) -> None:
    with mail_server(certificate=certificate.server, tls_at_once=security == "tls") as server:
        with pytest.raises(ChannelRefused, match="certificate"):
            email(server.port, security=security).send(TEST, envelope, http, NOW)
        assert not server.mails


def test_a_server_without_tls_is_not_used_when_tls_is_asked_for(http: Http, envelope: Envelope) -> None:
    with mail_server() as server:
        with pytest.raises(ChannelRefused, match="does not offer"):
            email(server.port, security="starttls").send(TEST, envelope, http, NOW)
        assert not server.mails


@pytest.mark.parametrize(
    ("command", "answer", "recipient", "error", "whole"),
    [
        ("RCPT", "550 5.1.1 no such user", "an@our.example", MessageRefused, None),
        ("RCPT", "550 5.1.1 no such user", None, ChannelRefused, None),
        ("RCPT", "450 4.2.0 greylisted", "an@our.example", ChannelUnavailable, False),
        ("RCPT", "450 4.2.0 greylisted", None, ChannelUnavailable, True),
        ("DATA", "552 5.3.4 too large", None, MessageRefused, None),
        ("DATA", "451 4.3.0 later", None, ChannelUnavailable, False),
    ],
)
def test_a_refusal_says_who_must_act(
    http: Http, envelope: Envelope, command: str, answer: str, recipient: str | None, error: Any, whole: bool | None
) -> None:
    with (
        mail_server(lambda at, _: answer if at == command else None) as server,
        pytest.raises(error, match=answer[:3]) as caught,
    ):
        email(server.port).send(TEST, replace(envelope, recipient=recipient), http, NOW)
    assert getattr(caught.value, "whole", None) is whole


def test_some_refused_addresses_are_told_in_the_answer(http: Http, envelope: Envelope) -> None:
    with mail_server(lambda at, to: "550 no" if at == "RCPT" and to.startswith("gone") else None) as server:
        receipt = email(server.port, to=("ops@our.example", "gone@our.example")).send(TEST, envelope, http, NOW)
    assert receipt.answer == "Taken by the mail server for 1 of 2 addresses. gone@our.example"


def test_nobody_there_is_unavailable(http: Http, envelope: Envelope) -> None:
    with mail_server() as server:
        pass
    with pytest.raises(ChannelUnavailable, match="could not be reached"):
        email(server.port).send(TEST, envelope, http, NOW)


def test_a_private_address_is_refused(envelope: Envelope) -> None:
    with Http() as guarded, pytest.raises(ChannelRefused, match="private network"):
        email(25).send(TEST, envelope, guarded, NOW)


def test_the_connection_goes_to_the_checked_address(
    http: Http, envelope: Envelope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers otherwise the second time (DNS rebinding) leads nowhere else."""
    monkeypatch.setattr(http, "resolve", lambda _host, _port: "127.0.0.1")
    with mail_server() as server:
        email(server.port, host="mail.invalid").send(TEST, envelope, http, NOW)
    assert len(server.mails) == 1


def test_a_rude_goodbye_after_delivery_is_no_failure(
    http: Http, envelope: Envelope, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang_up(_self: smtplib.SMTP) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(smtplib.SMTP, "quit", hang_up)
    with mail_server() as server:
        assert email(server.port).send(TEST, envelope, http, NOW).status is NotificationStatus.SENT


@pytest.mark.parametrize("reason", list(NotificationReason))
def test_payload(reason: NotificationReason, envelope: Envelope, golden: Callable[[str, bytes], None]) -> None:
    golden(f"email-{reason}.eml", email().render(every_message()[reason], envelope, NOW))


class Certificate:
    """A certificate for 127.0.0.1 that vouches for itself."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        began = datetime.now(UTC) - timedelta(days=1)
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(began)
            .not_valid_after(began + timedelta(days=9))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.pem = built.public_bytes(serialization.Encoding.PEM).decode()
        file = folder / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + self.pem.encode())
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server.load_cert_chain(file)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificate"))
