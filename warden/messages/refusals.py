"""What was written down of an attempt to send, in a reader's words. It is kept in English, Warden's half and theirs.

Warden's own sentences are recognised and translated; what the other side answered, and any other text, stays as it is.
"""

import re
from functools import cache

from warden.i18n import N_
from warden.wording import Reader

GIVEN_UP = N_("Given up after %(count)s attempts. %(rest)s")
TOO_LATE = N_("Not delivered within %(count)s hours. %(rest)s")

TOLD_ANEW = N_("It reached nobody, and is told anew to whoever takes it.")
SETTLED = N_("It is so no more: it ended, or was settled, while this destination was off.")

SENTENCES = (
    GIVEN_UP,
    TOO_LATE,
    TOLD_ANEW,
    SETTLED,
    N_("%(who)s takes nothing at this address any more: %(said)s."),
    N_("%(who)s did not take this message: %(said)s."),
    N_("%(who)s did not take the message for now: %(said)s."),
    N_("The address is in a private network that Warden may not reach."),
    N_("The address did not answer in time."),
    N_("The address could not be reached, or its answer broke off."),
    N_("This destination has no addresses of its own, and the message names none."),
    N_("The recipient is not an e-mail address: expected name@domain in ASCII."),
    N_("The mail server is in a private network that Warden may not reach."),
    N_("The mail server refuses the address: %(said)s."),
    N_("The mail server refuses us: %(said)s."),
    N_("The mail server does not take mail for now: %(said)s."),
    N_("The mail server does not offer what the destination asks for (security %(said)s, signing in)."),
    N_("The mail server's certificate is not valid: %(said)s."),
    N_("The mail server could not be reached, or broke off."),
    N_("The address was not taken for now: %(said)s."),
    N_("The message was not taken for now: %(said)s."),
    N_("This destination cannot be used: %(said)s"),
    N_("Taken by the mail server for %(count)s of %(of)s addresses."),
    N_("Taken by the mail server for %(count)s of %(of)s addresses. %(said)s"),
    N_("Not delivered within %(count)s hours."),
    N_("A defect in Warden (%(said)s); the log has the details."),
    N_("Switched off by %(said)s."),
)
"""How channels and the outbox say it, in English; who, said, count and of are theirs, rest is another sentence."""

SPEAKERS = {"The webhook": N_("The webhook"), "The mail server": N_("The mail server")}
"""Who is no name."""

_PARTS = {"who": "[^:]+?", "said": ".*", "rest": ".*", "count": r"\d+", "of": r"\d+"}


def in_words(reader: Reader, text: str) -> str:
    """Return what was written down of an attempt, with Warden's own half in the reader's language."""
    for sentence, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found:
            params = found.groupdict()
            if "who" in params:
                params["who"] = reader.tr(SPEAKERS[params["who"]]) if params["who"] in SPEAKERS else params["who"]
            if "rest" in params:
                params["rest"] = in_words(reader, params["rest"])
            return reader.tr(sentence) % params
    return text


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(sentence, re.compile(_pattern(sentence), re.DOTALL)) for sentence in SENTENCES]


def _pattern(sentence: str) -> str:
    parts = re.split(r"%\((\w+)\)s", sentence)  # text and names in turn
    return "".join(
        f"(?P<{part}>{_PARTS[part]})" if is_name else re.escape(part)
        for is_name, part in zip([False, True] * len(parts), parts, strict=False)
    )
