"""What is said of actions: promises of either side whose day comes or is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from warden.domain import NotificationReason, Side
from warden.i18n import N_
from warden.messages.message import Item, Message
from warden.wording import Reader

_OURS = {False: N_("Our promise, due %(due_on)s"), True: N_("Our promise, overdue since %(due_on)s")}
_THEIRS = {
    False: N_("The partner's promise, due %(due_on)s"),
    True: N_("The partner's promise, overdue since %(due_on)s"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLine:
    """One promise somebody is reminded of. `owner`: who is to keep it, None when nobody is named."""

    partner: str
    text: str
    side: Side
    due_on: date
    overdue: bool
    url: str
    owner: str | None = None


def actions_due(lines: Sequence[ActionLine], url: str, reader: Reader) -> Message:
    """Promises are due within days, or overdue; by partner, the first due first. `url`: where all of them are."""
    return Message(
        reason=NotificationReason.ACTION_DUE,
        title=reader.say(N_("Actions due: %(count)s"), count=len(lines)),
        lead=reader.tr(
            N_("These promises are due within days or overdue. Close what is done, or agree on another day.")
        ),
        items=tuple(_item(line, reader) for line in sorted(lines, key=lambda line: (line.partner, line.due_on))),
        links=((reader.tr(N_("Open the actions")), url),),
        footer=reader.tr(
            N_("Sent because you own these actions, or the partner. You are reminded once, and once more.")
        ),
    )


def _item(line: ActionLine, reader: Reader) -> Item:
    when = reader.say((_OURS if line.side is Side.OURS else _THEIRS)[line.overdue], due_on=line.due_on)
    text = f"{when} · {line.owner}" if line.owner else when
    return Item(line.text, text, line.url, group=line.partner)
