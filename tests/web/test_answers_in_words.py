"""What was written down of an attempt to send is told in the reader's language, but for the other side's own words."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from outbox import queue
from served import Site

import warden
from warden.clock import utc_now
from warden.domain import LOCALES, Frequency, NotificationReason, Role
from warden.messages import destination_disabled
from warden.messages.refusals import in_words
from warden.store import destinations, digests, people
from warden.wording import reader_of

ROOT = Path(warden.__file__).parent
WHERE = (
    *sorted((ROOT / "channels").glob("*.py")),
    ROOT / "pipeline" / "notify.py",
    ROOT / "store" / "notifications.py",
)
ERRORS = {"ChannelRefused", "MessageRefused", "ChannelUnavailable", "refused"}
GONE = "The webhook takes nothing at this address any more: 410 gone."
TOLD = {
    "en": GONE,
    "zh-Hant": "Webhook 在這個位址不再接收任何訊息：410 gone。",
    "zh-Hans": "Webhook 在这个地址不再接收任何消息：410 gone。",
    "vi": "Webhook không còn nhận gì ở địa chỉ này nữa: 410 gone.",
}


def written() -> Iterator[str]:
    """Yield every sentence that a channel or the outbox writes down of an attempt, with 7 for what varies."""
    for path in WHERE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                given = node.args[:1] if name in ERRORS else []
                yield from map(text_of, [*given, *(one.value for one in node.keywords if one.arg == "answer")])
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "answer":
                yield text_of(node.value)


def text_of(node: ast.expr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(
        str(one.value) if isinstance(one, ast.Constant) else "7" if isinstance(one, ast.FormattedValue) else ""
        for one in parts
    )


@pytest.mark.parametrize("text", sorted({one for one in written() if " " in one.strip()}))
def test_every_sentence_written_down_is_told_in_every_language(text: str) -> None:
    told = {in_words(reader_of(locale), text) for locale in LOCALES}
    assert len(told) == len(LOCALES)
    assert in_words(reader_of("en"), text) == text


def test_the_other_sides_words_stay_as_they_are() -> None:
    for locale in LOCALES:
        reader = reader_of(locale)
        assert in_words(reader, GONE) == TOLD[locale]
        assert in_words(reader, "202 Taken: gone.") == "202 Taken: gone."
        assert in_words(reader, "") == ""
    again = in_words(
        reader_of("vi"), "Given up after 7 attempts. Slack did not take the message for now: 500 100% %(x)s."
    )
    late = in_words(
        reader_of("vi"), "Not delivered within 48 hours. The webhook did not take the message for now: 503."
    )
    assert late == "Không gửi được trong vòng 48 giờ. Webhook tạm thời không nhận thông báo: 503."
    assert again == "Đã bỏ cuộc sau 7 lần thử. Slack tạm thời không nhận thông báo: 500 100% %(x)s."


@pytest.mark.parametrize("locale", LOCALES)
def test_a_destination_that_was_switched_off_is_told_of_in_the_readers_language(site: Site, locale: str) -> None:
    notice = destination_disabled("Hook", GONE, 0, [], site.url, reader_of(locale))
    assert TOLD[locale] in [value for _, value in notice.facts]
    with site.services.db.write() as session:
        hook = destinations.add(session, name="Hook", channel="webhook", now=utc_now())
        destinations.disable(session, hook, GONE, utc_now())
    with site.browser(Role.VIEWER) as browser:
        page = browser.get("/notifications", params={"lang": locale}, headers={"Accept-Language": locale}).text
    assert TOLD[locale] in page


@pytest.mark.parametrize("refused", ["", " gone@our.example"])
@pytest.mark.parametrize("locale", LOCALES)
def test_what_the_mail_server_took_is_told_on_both_pages_in_the_readers_language(
    site: Site, locale: str, refused: str
) -> None:
    said = f"Taken by the mail server for 1 of 2 addresses.{refused}"
    with site.services.db.write() as session:
        lin = people.get_or_create(session, email="lin@our.example")
        mail = destinations.add(session, name="Mail", channel="email", now=utc_now())
        order = digests.add(session, person=lin, destination=mail, frequency=Frequency.WEEKLY, now=utc_now())
        queue(session, mail, digests.slot_key(order), utc_now(), NotificationReason.DIGEST).answer = said
    told = in_words(reader_of(locale), said)
    with site.browser(Role.VIEWER) as browser:
        for path in ("/notifications", f"/digests/{order.id}"):
            page = browser.get(path, headers={"Accept-Language": locale}).text
            assert told in page
            assert (said in page) == (locale == "en")
    assert told.endswith(refused.strip())


def test_a_test_message_is_answered_in_the_readers_language(site: Site) -> None:
    hook = {"url": "http://127.0.0.1:9/hook", "secret": "whsec_" + "A" * 32}
    with site.client(Role.ADMIN) as admin:
        made = admin.post("/api/v1/destinations", json={"name": "Hook", "channel": "webhook", "options": hook}).json()
        path = f"/api/v1/destinations/{made['id']}/test"
        told = {locale: admin.post(path, json={}, headers={"Accept-Language": locale}) for locale in LOCALES}
    assert told["en"].json()["answer"] == "The address could not be reached, or its answer broke off."
    assert told["vi"].json()["answer"] == "Không kết nối được tới địa chỉ, hoặc câu trả lời bị ngắt giữa chừng."
    assert len({answer.json()["answer"] for answer in told.values()}) == len(LOCALES)
