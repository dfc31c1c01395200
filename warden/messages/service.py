"""What is said of the service itself: sources, destinations, sign-in links, tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from warden.domain import NotificationReason, Severity
from warden.i18n import N_
from warden.messages.message import SEALED, Item, Message, facts_of
from warden.messages.refusals import in_words
from warden.wording import Fact, Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContext:
    """What a message about a source is made from. `why` is the source's own sentence, as its page shows it."""

    source: str
    url: str  # of the source's page
    since: datetime
    why: str = ""
    partners: int | None = None  # how many it speaks of
    owner: str | None = None


def source_blind(context: SourceContext, reader: Reader) -> Message:
    """Nothing came from a source for too long."""
    title = N_("Source blind: %(source)s")
    lead = N_("No news from this source can be trusted since %(since)s; the signals it feeds are not counted.")
    return _source(context, reader, NotificationReason.SOURCE_BLIND, title, lead)


def source_refused(context: SourceContext, reader: Reader) -> Message:
    """A source refuses us and is paused; a person has to mend it."""
    title = N_("Source refused: %(source)s")
    lead = N_("This source refuses our visits since %(since)s and is paused: mend its address or credentials.")
    return _source(context, reader, NotificationReason.SOURCE_REFUSED, title, lead)


def source_changed(context: SourceContext, reader: Reader) -> Message:
    """What a source sends is no longer understood; whoever looks after its format has to look."""
    title = N_("Source changed: %(source)s")
    lead = N_(
        "What this source sends is not understood since %(since)s; nothing is guessed. "
        "It is tried again every day: bring its options in line with what it sends now."
    )
    return _source(context, reader, NotificationReason.SOURCE_CHANGED, title, lead)


def source_recovered(context: SourceContext, reader: Reader) -> Message:
    """A source is back."""
    title = N_("Source back: %(source)s")
    lead = N_("This source is read again since %(since)s.")
    return _source(context, reader, NotificationReason.SOURCE_RECOVERED, title, lead)


def _source(context: SourceContext, reader: Reader, reason: NotificationReason, title: str, lead: str) -> Message:
    return Message(
        reason=reason,
        severity=None if reason is NotificationReason.SOURCE_RECOVERED else Severity.WARNING,
        title=reader.say(title, source=context.source),
        lead=reader.say(lead, since=context.since),
        facts=facts_of(
            reader,
            (N_("What it said"), context.why or None),
            (N_("Partners it speaks of"), context.partners),
            (N_("Owner"), context.owner),
        ),
        links=((reader.tr(N_("Open the sources")), context.url),),
        footer=reader.tr(OPERATIONS_FOOTER),
    )


OPERATIONS_FOOTER = N_("Sent because notices about the service itself are sent here.")


def destination_disabled(name: str, why: str, missed: int, newest: Sequence[str], url: str, reader: Reader) -> Message:
    """A destination refuses for good and was switched off; told elsewhere.

    missed: messages that did not get there; newest: titles of the newest of them.
    """
    return Message(
        reason=NotificationReason.DESTINATION_DISABLED,
        severity=Severity.WARNING,
        title=reader.say(N_("Destination switched off: %(name)s"), name=name),
        lead=reader.tr(N_("It refuses messages for good. Mend it and switch it on again; until then it gets nothing.")),
        facts=facts_of(
            reader,
            (N_("What it said"), in_words(reader, why)),
            (N_("Messages that did not arrive"), missed),
            (N_("The newest of them"), "; ".join(newest) or None),
        ),
        links=((reader.tr(N_("Open the notifications")), url),),
        footer=reader.tr(OPERATIONS_FOOTER),
    )


def rule_failed(names: Mapping[str, str], why: Fact, partners: int, url: str, reader: Reader) -> Message:
    """A rule's condition fails; whoever wrote it has to mend it. `why`: what it said of the first partner."""
    return Message(
        reason=NotificationReason.RULE_FAILED,
        severity=Severity.WARNING,
        title=reader.say(N_("A rule fails: %(rule)s"), rule=reader.name(names)),
        lead=reader.tr(N_("Its condition cannot be judged. Until it is mended it raises no alert and ends none.")),
        facts=facts_of(reader, (N_("What it said"), reader.fact(why)), (N_("Partners it concerns"), partners)),
        links=((reader.tr(N_("Open the rule")), url),),
        footer=reader.tr(OPERATIONS_FOOTER),
    )


def stopped(why: Fact, url: str, reader: Reader) -> Message:
    """The clock stands still, or digests do not leave."""
    return Message(
        reason=NotificationReason.CLOCK_STOPPED,
        severity=Severity.CRITICAL,
        title=reader.tr(N_("Warden stands still")),
        lead=reader.fact(why),
        items=(
            Item(reader.tr(N_("Look whether the service runs, and at its log; `warden doctor` says what it lacks."))),
        ),
        links=((reader.tr(N_("Open Warden")), url),),
        footer=reader.tr(OPERATIONS_FOOTER),
    )


def undelivered(why: Fact, answer: str, readers: Sequence[str], url: str, reader: Reader) -> Message:
    """Digests are not taken by a mail server, by whose answer it is seen what is to be done.

    readers: the names of those who wait for theirs.
    """
    return Message(
        reason=NotificationReason.DIGEST_UNDELIVERED,
        severity=Severity.WARNING,
        title=reader.tr(N_("Digests do not arrive")),
        lead=reader.fact(why),
        facts=facts_of(
            reader,
            (N_("What it said"), in_words(reader, answer) or None),
            (N_("Who waits for a digest"), "; ".join(readers) or None),
        ),
        items=(
            Item(
                reader.tr(
                    N_(
                        "Each is tried again for 48 hours. Look whether the address is right and there is room in the "
                        "mailbox, or ask whoever runs the mail server."
                    )
                )
            ),
        ),
        links=((reader.tr(N_("Open the notifications")), url),),
        footer=reader.tr(OPERATIONS_FOOTER),
    )


def canary(name: str, url: str, confirm_url: str, reader: Reader) -> Message:
    """A message that asks the other side to POST to `confirm_url`, so that "accepted" can become "confirmed"."""
    return Message(
        reason=NotificationReason.CANARY,
        title=reader.tr(N_("Warden checks this destination")),
        lead=reader.say(N_("This message to %(name)s shows that messages arrive. Nothing happened."), name=name),
        links=((reader.tr(N_("Open Warden")), url),),
        confirm_url=confirm_url,
        footer=reader.tr(N_("Sent because this destination is checked regularly.")),
    )


def unconfirmed(name: str, since: datetime, refused: str | None, url: str, reader: Reader) -> Message:
    """A canary was never confirmed; told elsewhere. `refused`: what was said when it was not taken, None if it was."""
    lead = N_("The check of %(since)s was accepted, but nothing confirmed that it was shown: look behind it.")
    if refused is not None:
        lead = N_("The check of %(since)s was not taken: nothing is known to arrive there.")
    return Message(
        reason=NotificationReason.CANARY,
        severity=Severity.WARNING,
        title=reader.say(N_("Messages may not arrive: %(name)s"), name=name),
        lead=reader.say(lead, since=since),
        facts=facts_of(reader, (N_("What it said"), in_words(reader, refused) if refused else None)),
        links=((reader.tr(N_("Open the notifications")), url),),
        footer=reader.tr(OPERATIONS_FOOTER),
    )


def sign_in(name: str, sealed_url: str, expires_at: datetime, reader: Reader) -> Message:
    """A one-time sign-in link. `sealed_url` is `vault.encrypt({"url": link})`: the link itself is never stored."""
    return Message(
        reason=NotificationReason.SIGN_IN,
        title=reader.tr(N_("Your sign-in link for Warden")),
        lead=reader.say(
            N_("Hello %(name)s, this link signs you in once, until %(expires_at)s."), name=name, expires_at=expires_at
        ),
        links=((reader.tr(N_("Sign in")), SEALED),),
        sealed=sealed_url,
        footer=reader.tr(N_("Sent because somebody asked to sign in with this address. If it was not you, ignore it.")),
    )


def reachable(name: str, url: str, reader: Reader) -> Message:
    """A message that only shows that a destination works."""
    return Message(
        reason=NotificationReason.TEST,
        title=reader.tr(N_("Warden can reach this destination")),
        lead=reader.say(N_("This is a test of %(name)s. Nothing happened."), name=name),
        links=((reader.tr(N_("Open Warden")), url),),
        footer=reader.tr(N_("Sent because somebody asked for a test.")),
    )
