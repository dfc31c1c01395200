import json
import re
from dataclasses import replace
from email import policy
from email.parser import BytesParser

import pytest
from fakes import slack_fault, teams_fault
from samples import NOW, URL, alert, digest, every_message, many, part, readers

from warden import messages, plugins
from warden.channels.base import Envelope
from warden.domain import LOCALES, NoticeReason, NotificationReason, Severity, Worth
from warden.messages import SEALED, Message
from warden.wording import Reader, reader_of


def test_every_reason_has_a_message() -> None:
    assert set(every_message()) == set(NotificationReason)
    assert all(message.reason is reason for reason, message in every_message().items())


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("reason", list(NotificationReason))
def test_a_message_survives_storage(reason: NotificationReason, locale: str) -> None:
    message = every_message(locale)[reason]
    assert Message.from_data(json.loads(json.dumps(message.as_data()))) == message


@pytest.mark.parametrize("reader", readers(), ids=lambda reader: reader.locale)
def test_every_message_says_why_it_was_sent_and_leaves_no_placeholder(reader: Reader) -> None:
    for message in every_message(reader.locale).values():
        assert message.title
        assert message.footer
        assert message.links
        assert "%(" not in json.dumps(message.as_data())


def test_a_sealed_link_is_not_in_the_stored_message() -> None:
    message = messages.sign_in("An", "gAAAA", NOW, reader_of("en"))
    assert [url for _, url in message.links] == [SEALED]
    opened = message.opened("https://warden.example/sign-in?token=t")
    assert opened.links[0][1] == "https://warden.example/sign-in?token=t"
    assert opened.sealed == ""


def test_the_reason_of_a_message_is_said_once() -> None:
    often = {"message": "This alert has opened too often.", "params": {}}
    said = alert(reason=NoticeReason.UNSTABLE, why=often, firing=(part(why=often, evidence=()),))
    message = messages.alert_fired(said, reader_of("en"))
    assert message.lead == "This alert has opened too often."
    assert often["message"] not in [item.title for item in message.items]


OTHER = {"en": "Compliance incident", "zh-Hant": "違規", "zh-Hans": "违规", "vi": "Vi phạm"}
ASKED = {
    "en": "Useful, noise or too late? That is asked of “Compliance incident”.",
    "zh-Hant": "有用、誤報雜訊，還是太晚？問的是「違規」。",
    "zh-Hans": "有用、误报噪声，还是太晚？问的是“违规”。",
    "vi": "Hữu ích, gây nhiễu hay quá muộn? Câu hỏi này dành cho “Vi phạm”.",
}
VERDICTS = [(worth, f"{URL}/verdict/{worth}") for worth in Worth]
HOOK = {"url": "https://a.example"}
CHANNELS = {
    "email": {"host": "mail.example", "sender": "warden@our.example", "to": ["ops@our.example"]},
    "slack": HOOK,
    "teams": HOOK,
    "webhook": {**HOOK, "secret": "whsec_" + "c2VjcmV0" * 4},
}


@pytest.mark.parametrize("channel", list(CHANNELS))
@pytest.mark.parametrize("locale", LOCALES)
def test_of_several_alerts_a_message_says_which_one_is_to_be_judged(
    envelope: Envelope, channel: str, locale: str
) -> None:
    firing = (part(is_new=False), part(rule_names=OTHER, severity=Severity.WARNING))
    message = messages.alert_fired(alert(firing=firing, verdicts=VERDICTS, judged=OTHER), reader_of(locale))
    kind = plugins.channel(channel)
    content = kind(kind.Options(**CHANNELS[channel])).render(message, envelope, NOW)
    assert ASKED[locale] in shown_by(channel, content)
    alone = messages.alert_fired(alert(verdicts=VERDICTS, judged=OTHER), reader_of(locale))
    assert alone.closing == "", "there is no other alert it could be about"


def shown_by(channel: str, content: bytes) -> str:
    if channel != "email":
        return json.dumps(json.loads(content), ensure_ascii=False)
    body = BytesParser(policy=policy.default).parsebytes(content).get_body(["plain"])
    return " ".join(str(body.get_content() if body else "").split())


def test_keeping_counts_what_it_drops() -> None:
    message = messages.digest(digest(45), reader_of("en"))
    assert message.left_out == 5
    kept = message.keeping(10)
    assert (len(kept.items), kept.left_out) == (10, 5 + len(message.items) - 10)
    assert {item.group for item in kept.items} == {item.group for item in message.items}, "each heading keeps a line"
    assert message.keeping(len(message.items)) == message


def test_one_appointment_keeps_its_uid_and_moves_its_sequence() -> None:
    every = every_message()
    proposed = every[NotificationReason.MEETING_PROPOSED].invitation
    cancelled = every[NotificationReason.MEETING_CANCELLED].invitation
    assert proposed is not None
    assert cancelled is not None
    assert proposed.uid == cancelled.uid
    assert proposed.sequence < cancelled.sequence
    assert (proposed.method, cancelled.method) == ("REQUEST", "CANCEL")
    assert every[NotificationReason.MEETING_ESCALATED].invitation is None


MORE = {
    "en": "%d more – open Warden to see them",
    "zh-Hant": "還有 %d 項，開啟 Warden 查看",
    "zh-Hans": "还有 %d 项，打开 Warden 查看",
    "vi": "Còn %d mục nữa: mở Warden để xem",
}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("channel", "partners"), [("slack", 60), ("teams", 60), ("teams", 200)])
def test_a_group_of_many_partners_fits_and_says_how_many_more_there_are(
    envelope: Envelope, channel: str, partners: int, locale: str
) -> None:
    reader = reader_of(locale)
    group = messages.many_partners(many(NotificationReason.COMMON_CAUSE, partners), reader)
    kind = plugins.channel(channel)
    payload = kind(kind.Options(url="https://a.example")).render(group, replace(envelope, reader=reader), NOW)
    assert (slack_fault(json.loads(payload)) if channel == "slack" else teams_fault(payload)) is None
    text = payload.decode()
    shown = [number for number in range(1, partners + 1) if re.search(rf"{URL}/partners/{number}[|)]", text)]
    assert shown == list(range(1, len(shown) + 1))
    assert len(shown) >= 20
    left_out = MORE[locale] % (partners - len(shown))
    assert (left_out in text) == (len(shown) < partners)
    assert len(shown) < partners or (channel, partners) == ("teams", 60), "sixty names are short enough for Teams"
