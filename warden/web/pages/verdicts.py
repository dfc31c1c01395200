"""What an alert was worth, said with one click and without signing in: the signature in the link says who may."""

import uuid

from fastapi import APIRouter, Response

from warden.domain import Worth
from warden.errors import Conflict, NotFound
from warden.models import Alert
from warden.store import alerts, verdicts
from warden.web import alert_words
from warden.web.deps import Read, Write
from warden.web.pages.drawing import Anyone, Asked, View, Written

router = APIRouter(prefix="/alerts/{alert_id}/verdict/{worth}")


@router.get("", response_model=None)
def ask(
    view: Anyone, session: Read, alert_id: uuid.UUID, worth: str, to: Asked = "", signature: Asked = ""
) -> Response:
    """Show a button. Nothing is noted before it is pressed: mail scanners and previews follow links."""
    said = _signed(view, alert_id, worth, to, signature)
    return _draw(view, alerts.get(session, alert_id), said, to, is_done=False)


@router.post("", response_model=None)
def note(
    view: Anyone,
    session: Write,
    alert_id: uuid.UUID,
    worth: str,
    to: Asked = "",
    signature: Asked = "",
    why: Written = "",
) -> Response:
    """Note the verdict; twice is no error, and a later one counts instead."""
    said = _signed(view, alert_id, worth, to, signature)
    alert = alerts.get(session, alert_id)
    via = verdicts.via_of(session, to)
    try:
        verdicts.add(session, alert.id, said, author=to, via=via, now=view.now, note=why)
    except Conflict:
        often = view.reader.say(alert_words.OFTEN_MESSAGE, most=verdicts.MOST_OF_ONE)
        return _draw(view, alert, said, to, is_done=False, refused=often)
    return _draw(view, alert, said, to, is_done=True)


def _draw(view: View, alert: Alert, worth: Worth, to: str, *, is_done: bool, refused: str = "") -> Response:
    return view.page(
        "verdict.html",
        409 if refused else 200,
        alert=alert,
        worth=worth,
        to=to,
        is_done=is_done,
        refused=refused,
        alert_words=alert_words,
    )


def _signed(view: View, alert_id: uuid.UUID, worth: str, to: str, signature: str) -> Worth:
    known = worth in tuple(Worth) and to and len(to) <= 320
    if not known or not view.services.vault.verify(verdicts.link_text(alert_id, Worth(worth), to), signature):
        raise NotFound("This link does not lead to an alert.")
    return Worth(worth)
