"""E-mail over SMTP: plain text and HTML, and for meetings an invitation that calendars understand."""

import re
import smtplib
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import css_inline
from icalendar import Calendar, Event, vCalAddress
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import AfterValidator, Field, SecretStr, model_validator

from collectors.http import Blocked, Http, HttpError
from warden.channels import base
from warden.domain import NotificationStatus
from warden.i18n import N_
from warden.messages import Attendee, Invitation, Item, Message

MAIL_BYTES = 100_000
"""Of one mail as it is sent, all parts encoded: Gmail clips what is longer than 102 KB."""

TIMEOUT = 20
"""Seconds for each step of the conversation with the mail server; all of them end within a claim's lease."""


class _Policy(EmailPolicy):
    """Subjects as one run of encoded words (RFC 2047, section 5).

    The standard library encodes word by word, and where it folds it leaves a space between two encoded words, which
    readers have to drop: two words become one.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() != "subject" or str(value).isascii():
            return bytes(super().fold_binary(name, value))
        encoded = Header(str(value), "utf-8", header_name=name, maxlinelen=75).encode(linesep=self.linesep)
        return f"{name}: {encoded}{self.linesep}".encode("ascii")


_POLICY = _Policy(cte_type="7bit", linesep="\r\n")  # 7bit: every server takes it, with or without 8BITMIME
_SUBJECT_LENGTH = 200
_MOST_FACTS = 10
_MOST_LINKS = 10

UNSUBSCRIBE = N_("Unsubscribe")


def _address(value: str) -> str:
    """Validate one plain ASCII address. Raises ValueError."""
    if len(value) > 320 or not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+", value):
        raise ValueError("not an e-mail address: expected name@domain in ASCII")
    return value


MailAddress = Annotated[str, AfterValidator(_address)]


class Options(base.Options):
    """The mail server, who we are, and who gets what is not for one person. Passwords travel only over TLS."""

    host: str = Field(min_length=1, max_length=253, description="The mail server.")
    port: int = Field(587, ge=1, le=65535, description="Usually 587 for starttls, 465 for tls, 25 for none.")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="How the connection is encrypted.")
    username: str | None = Field(None, description="For signing in; together with the password.")
    password: SecretStr | None = Field(None, description="For signing in; never sent without TLS.")
    sender: MailAddress = Field(description="A mailbox of ours: answers to invitations come back to it.")
    sender_name: str = Field("Warden", max_length=100, description="The name beside the sender.")
    to: tuple[MailAddress, ...] = Field((), description="Who gets alerts and meetings that are not for one person.")
    authority: str | None = Field(None, description="PEM of the authority behind the server's certificate, if private.")

    @model_validator(mode="after")
    def _password_needs_tls(self) -> "Options":
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password: expected both or neither")
        if self.password is not None and self.security == "none":
            raise ValueError('security "none" would send the password in the clear: expected "starttls" or "tls"')
        return self


class Email(base.Channel):
    """Sends one mail per notification: to its recipient, else to the destination's own addresses."""

    name: ClassVar[str] = "email"
    Options = Options

    def render(self, message: Message, envelope: base.Envelope, now: datetime) -> bytes:
        """Return the mail as RFC 5322 bytes. The same notification gets the same Message-ID on every attempt."""
        message = base.shortened(base.bounded(message, facts=_MOST_FACTS, links=_MOST_LINKS))
        message = base.fit(message, lambda candidate: len(self._mail(candidate, envelope, now)) <= MAIL_BYTES)
        return self._mail(message, envelope, now)

    def _mail(self, message: Message, envelope: base.Envelope, now: datetime) -> bytes:
        text, html = _rendered("message.txt", message, envelope), _html(message, envelope)
        mail = self._headed(message, envelope, now)
        mail.set_content(text, cte=_shorter(text))
        mail.add_alternative(html, subtype="html", cte=_shorter(html))
        if message.invitation:
            calendar = _calendar(message.invitation, self.options.sender, now).decode()
            mail.add_alternative(calendar, subtype="calendar", params={"method": message.invitation.method})
        mail.set_boundary(f"warden-{envelope.notification_id.hex}")
        return mail.as_bytes()

    def send(self, message: Message, envelope: base.Envelope, http: Http, now: datetime) -> base.Receipt:
        """Send the mail once. Taken by the server counts as sent; whom it refused is told in the answer."""
        to = self._recipients(envelope)
        mail = self.render(message, envelope, now)
        with (
            _telling_who_must_act(self.options, personal=envelope.recipient is not None),
            self._connected(http) as smtp,
        ):
            refused = smtp.sendmail(self.options.sender, to, mail)
        answer = f"Taken by the mail server for {len(to) - len(refused)} of {len(to)} addresses."
        return base.Receipt(NotificationStatus.SENT, base.cut(f"{answer} {', '.join(refused)}".strip(), 200))

    def _recipients(self, envelope: base.Envelope) -> list[str]:
        if envelope.recipient is None and not self.options.to:
            raise base.MessageRefused("This destination has no addresses of its own, and the message names none.")
        try:
            return [_address(envelope.recipient)] if envelope.recipient else list(self.options.to)
        except ValueError as error:
            raise base.MessageRefused(
                "The recipient is not an e-mail address: expected name@domain in ASCII."
            ) from error

    def _headed(self, message: Message, envelope: base.Envelope, now: datetime) -> EmailMessage:
        sender = self.options.sender
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = Address(_line(self.options.sender_name), addr_spec=sender)
        mail["To"] = [Address(addr_spec=address) for address in self._recipients(envelope)]
        mail["Subject"] = base.cut(_line(message.title), _SUBJECT_LENGTH)
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = f"<{envelope.notification_id}@{sender.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        if message.unsubscribe_url:
            mail["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return mail

    @contextmanager
    def _connected(self, http: Http) -> Iterator[smtplib.SMTP]:
        """Connect to the address the guard checked, not to the name again, and sign in."""
        options: Options = self.options
        ip = http.resolve(options.host, options.port)
        own_name = options.sender.partition("@")[2]
        smtp = _TlsServer(ip, self._trusted(), own_name) if options.security == "tls" else _Server(ip, own_name)
        try:
            smtp.connect(options.host, options.port)
            if options.security == "starttls":
                smtp.starttls(context=self._trusted())
            if options.username is not None and options.password is not None:
                smtp.login(options.username, options.password.get_secret_value())
            yield smtp
            with suppress(smtplib.SMTPException, OSError):  # the mail is taken: a rude goodbye changes nothing
                smtp.quit()
        finally:
            smtp.close()

    def _trusted(self) -> ssl.SSLContext:
        """Read whom to trust; that takes long, and is done for encrypted connections only."""
        return ssl.create_default_context(cadata=self.options.authority)


class _Server(smtplib.SMTP):
    """An SMTP conversation with one address, under the host's name: certificates are checked against the name."""

    def __init__(self, ip: str, own_name: str) -> None:
        super().__init__(local_hostname=own_name, timeout=TIMEOUT)
        self._ip = ip

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        """Connect; STARTTLS later checks the certificate against `host`."""
        self._host = host
        code, text = super().connect(host, port, source_address)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        return code, text

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return socket.create_connection((self._ip, port), timeout)


class _TlsServer(_Server):
    """The same, encrypted from the first byte."""

    def __init__(self, ip: str, context: ssl.SSLContext, own_name: str) -> None:
        super().__init__(ip, own_name)
        self._context = context

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._context.wrap_socket(super()._get_socket(host, port, timeout), server_hostname=host)


@contextmanager
def _telling_who_must_act(options: Options, *, personal: bool) -> Iterator[None]:
    """Turn what smtplib and the guard raise into the channel's three errors.

    `personal`: the mail is for one person, whose refused address says nothing about the destination.
    """
    try:
        yield
    except Blocked as error:
        raise base.ChannelRefused("The mail server is in a private network that Warden may not reach.") from error
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        said = _said(options, code, text)
        if not 500 <= code < 600:
            raise base.ChannelUnavailable(f"The address was not taken for now: {said}.", whole=not personal) from error
        refused = base.MessageRefused if personal else base.ChannelRefused
        raise refused(f"The mail server refuses the address: {said}.") from error
    except smtplib.SMTPDataError as error:
        said = _said(options, error.smtp_code, error.smtp_error)
        if error.smtp_code >= 500:
            raise base.MessageRefused(f"The mail server did not take this message: {said}.") from error
        raise base.ChannelUnavailable(f"The message was not taken for now: {said}.", whole=False) from error
    except smtplib.SMTPResponseException as error:
        said = _said(options, error.smtp_code, error.smtp_error)
        if error.smtp_code >= 500:
            raise base.ChannelRefused(f"The mail server refuses us: {said}.") from error
        raise base.ChannelUnavailable(f"The mail server does not take mail for now: {said}.") from error
    except smtplib.SMTPNotSupportedError as error:
        raise base.ChannelRefused(
            f"The mail server does not offer what the destination asks for (security {options.security!r}, signing in)."
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise base.ChannelRefused(f"The mail server's certificate is not valid: {error.verify_message}.") from error
    except (smtplib.SMTPException, HttpError, OSError) as error:
        raise base.ChannelUnavailable("The mail server could not be reached, or broke off.") from error


def _said(options: Options, code: int, text: bytes | str) -> str:
    words = " ".join((text.decode("utf-8", "replace") if isinstance(text, bytes) else text).split())
    if options.password is not None:
        words = words.replace(options.password.get_secret_value(), "[redacted]")
    return base.cut(f"{code} {words}", 200)


def _calendar(invitation: Invitation, sender: str, now: datetime) -> bytes:
    """Return the invitation as RFC 5545 text (iTIP, RFC 5546)."""
    calendar = Calendar()
    calendar.add("prodid", "-//Warden//Executive meetings//EN")
    calendar.add("version", "2.0")
    calendar.add("method", invitation.method)
    event = Event()
    event.add("uid", invitation.uid)
    event.add("sequence", invitation.sequence)
    event.add("dtstamp", now)
    event.add("summary", _line(invitation.summary))
    event.add("description", invitation.description)
    event.add("url", invitation.url)
    event.add("organizer", vCalAddress(f"mailto:{sender}"))
    if invitation.place:
        event.add("location", _line(invitation.place))
    _add_time(event, invitation)
    for attendee in invitation.attendees:
        event.add("attendee", _attendee(attendee))
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _add_time(event: Event, invitation: Invitation) -> None:
    """Set the appointment in UTC; without a time yet, the whole due date, tentative and without blocking the day."""
    starts_at = invitation.starts_at
    status = "TENTATIVE" if starts_at is None else "CONFIRMED"
    if invitation.is_for_all:  # RFC 5546, 3.2.5: a status would say that nobody meets
        event.add("status", "CANCELLED" if invitation.method == "CANCEL" else status)
    if starts_at is None:
        event.add("dtstart", invitation.due_on)
        event.add("dtend", invitation.due_on + timedelta(days=1))
        event.add("transp", "TRANSPARENT")
    else:
        event.add("dtstart", starts_at)
        event.add("dtend", starts_at + timedelta(minutes=invitation.minutes))


def _attendee(attendee: Attendee) -> vCalAddress:
    """Return somebody invited; who answered already is not asked again."""
    address = vCalAddress(f"mailto:{_line(attendee.email)}")
    address.params["CN"] = _line(attendee.name).replace('"', "'")
    address.params["ROLE"] = "REQ-PARTICIPANT"
    address.params["PARTSTAT"] = attendee.partstat.upper()
    if attendee.partstat == "needs-action":
        address.params["RSVP"] = "TRUE"
    return address


def _line(text: str) -> str:
    """Return text on one line without control characters, so that no header can be broken out of."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).split())


def _groups(items: Iterable[Item]) -> list[tuple[str, list[Item]]]:
    return [(group, list(members)) for group, members in groupby(items, key=lambda item: item.group)]


_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_templates.filters["groups"] = _groups
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False)


def _rendered(template: str, message: Message, envelope: base.Envelope) -> str:
    reader = envelope.reader
    return _templates.get_template(template).render(
        message=message, more=base.more(message, reader), unsubscribe=reader.tr(UNSUBSCRIBE), lang=reader.locale
    )


def _shorter(text: str) -> str | None:
    """Return base64 where it is surely the shorter encoding; None: the library looks at the first lines and chooses."""
    content = text.encode()
    foreign = sum(len(run) for run in re.findall(rb"[\x80-\xff]+", content))
    return "base64" if 4 * foreign > len(content) else None


def _html(message: Message, envelope: base.Envelope) -> str:
    return _inliner.inline(_rendered("message.html", message, envelope))
