"""The HTTP client: what it refuses to reach, where it stops, and what an answer means."""

import gzip
import ipaddress
import itertools
import socket
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import Page, Request, WebServer, serve

from collectors.base import SourceChanged, SourceRefused, SourceUnavailable
from collectors.http import (
    LONGEST_WAIT,
    Blocked,
    Garbled,
    Http,
    TimedOut,
    TooLarge,
    Unreachable,
    retry_after,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MEGABYTE = 1_000_000


def endless() -> Iterator[bytes]:
    """One gigabyte, in parts."""
    return itertools.repeat(b"x" * 65_536, 16_384)


@pytest.fixture
def guarded() -> Iterator[Http]:
    with Http(timeout=2) as client:
        yield client


@pytest.fixture
def hasty() -> Iterator[Http]:
    with Http(allowed_networks=("127.0.0.0/8",), timeout=0.3) as client:
        yield client


# What it fetches


def test_a_document_comes_with_what_is_needed_to_ask_again(http: Http, site: WebServer) -> None:
    headers = {
        "Content-Type": "Text/CSV; charset=Big5",
        "ETag": '"7"',
        "Last-Modified": "Mon, 02 Mar 2026 09:00:00 GMT",
    }
    site.pages["/a"] = Page(b"body", headers=headers)
    fetched = http.fetch(f"{site.url}/a", now=NOW, accept="text/csv", headers={"X-Extra": "1"})
    assert (fetched.status, fetched.body, fetched.content_type) == (200, b"body", "text/csv")
    assert (fetched.charset, fetched.etag, fetched.not_modified) == ("big5", '"7"', False)
    assert (fetched.modified, fetched.url) == (headers["Last-Modified"], f"{site.url}/a")
    asked = site.requests[0].headers
    assert (asked["accept"], asked["x-extra"], asked["user-agent"]) == ("text/csv", "1", "Warden")


def test_an_unchanged_document_is_not_sent_again(http: Http, site: WebServer) -> None:
    site.pages["/a"] = Page(status=304)
    fetched = http.fetch(f"{site.url}/a", now=NOW, etag='"7"', modified="yesterday")
    assert (fetched.not_modified, fetched.body, fetched.etag, fetched.modified) == (True, b"", '"7"', "yesterday")
    assert site.requests[0].headers["if-none-match"] == '"7"'
    assert site.requests[0].headers["if-modified-since"] == "yesterday"


def test_not_modified_without_having_asked_is_not_understood(http: Http, site: WebServer) -> None:
    site.pages["/a"] = Page(status=304)
    with pytest.raises(SourceChanged, match="status 304"):
        http.fetch(f"{site.url}/a", now=NOW)


def test_an_etag_that_could_not_be_sent_back_is_dropped(http: Http, site: WebServer) -> None:
    site.pages["/a"] = Page(b"x", headers={"ETag": '"\xe9"', "Last-Modified": "x" * 2000})
    fetched = http.fetch(f"{site.url}/a", now=NOW)
    assert (fetched.etag, fetched.modified) == (None, None)


def test_gzip_is_unpacked(http: Http, site: WebServer) -> None:
    site.pages["/a"] = Page(gzip.compress(b"a" * 50_000), headers={"Content-Encoding": "gzip"})
    assert http.fetch(f"{site.url}/a", now=NOW).body == b"a" * 50_000


def test_cookies_of_one_source_are_not_shown_to_the_next(http: Http, site: WebServer) -> None:
    site.pages["/a"] = Page(b"x", headers={"Set-Cookie": "session=1; Path=/"})
    http.fetch(f"{site.url}/a", now=NOW)
    http.fetch(f"{site.url}/a", now=NOW)
    assert "cookie" not in site.requests[1].headers


def test_many_threads_may_use_one_client(http: Http, site: WebServer) -> None:
    together = threading.Barrier(8)

    def page(request: Request) -> Page:
        together.wait(10)
        return Page(request.path.encode())

    site.pages = {f"/{number}": page for number in range(8)}
    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda path: http.fetch(f"{site.url}{path}", now=NOW).body, site.pages))
    assert bodies == [path.encode() for path in site.pages]


# Where it stops


def test_a_body_larger_than_the_cap_is_given_up(http: Http, site: WebServer) -> None:
    site.pages["/a"] = Page(b"x" * 10 * MEGABYTE)
    with pytest.raises(SourceChanged, match=r"sent more than 5,000,000 bytes"):
        http.fetch(f"{site.url}/a", now=NOW)


def test_an_endless_body_is_left_at_the_cap(http: Http, site: WebServer) -> None:
    site.pages["/a"] = Page(endless())
    with pytest.raises(SourceChanged, match="more than 100,000 bytes"):
        http.fetch(f"{site.url}/a", now=NOW, max_bytes=100_000)
    assert site.sent_bytes < 20 * MEGABYTE


@pytest.mark.parametrize("times", [1, 2])
def test_a_bomb_is_not_unpacked(http: Http, site: WebServer, times: int) -> None:
    bomb = b"\0" * 100 * MEGABYTE
    for _ in range(times):
        bomb = gzip.compress(bomb)
    encoding = ", ".join(["gzip"] * times)
    site.pages["/a"] = Page(bomb, headers={"Content-Encoding": encoding})
    expected = "more than 5,000,000 bytes" if times == 1 else "encoding that was not asked for"
    with pytest.raises(SourceChanged, match=expected):
        http.fetch(f"{site.url}/a", now=NOW)


def test_broken_compression_is_not_understood(http: Http, site: WebServer) -> None:
    site.pages["/a"] = Page(b"not gzip at all", headers={"Content-Encoding": "gzip"})
    with pytest.raises(SourceChanged, match="cannot be unpacked"):
        http.fetch(f"{site.url}/a", now=NOW)


def test_compressed_data_that_breaks_off_is_tried_again(http: Http, site: WebServer) -> None:
    site.pages["/a"] = Page(gzip.compress(bytes(range(256)) * 99)[:-20], headers={"Content-Encoding": "gzip"})
    with pytest.raises(SourceUnavailable, match="broke off"):
        http.fetch(f"{site.url}/a", now=NOW)


def test_data_after_the_end_of_gzip_is_not_read(http: Http, site: WebServer) -> None:
    def body() -> Iterator[bytes]:
        yield gzip.compress(b"all there is")
        yield from endless()

    site.pages["/a"] = Page(body(), headers={"Content-Encoding": "gzip"})
    assert http.fetch(f"{site.url}/a", now=NOW).body == b"all there is"
    assert site.sent_bytes < 20 * MEGABYTE


def test_an_answer_that_never_comes_ends_at_the_deadline(hasty: Http, site: WebServer) -> None:
    site.pages["/a"] = site.silence
    with pytest.raises(SourceUnavailable, match=r"within 0.3 seconds"):
        hasty.fetch(f"{site.url}/a", now=NOW)


def test_an_answer_that_drips_ends_at_the_deadline(hasty: Http, site: WebServer) -> None:
    def drip() -> Iterator[bytes]:
        while not site.stopped.wait(0.05):
            yield b"x"

    site.pages["/a"] = Page(drip())
    with pytest.raises(SourceUnavailable, match=r"within 0.3 seconds"):
        hasty.fetch(f"{site.url}/a", now=NOW)


def test_redirects_are_followed_up_to_five(http: Http, site: WebServer) -> None:
    for number in range(6):
        site.pages[f"/{number}"] = Page(status=302, headers={"Location": f"/{number + 1}"})
    site.pages["/6"] = Page(b"here")
    assert http.fetch(f"{site.url}/1", now=NOW).url == f"{site.url}/6"
    with pytest.raises(SourceChanged, match="more than 5 times"):
        http.fetch(f"{site.url}/0", now=NOW)


def test_the_body_of_a_redirect_is_not_read(http: Http, site: WebServer) -> None:
    site.pages["/a"] = Page(endless(), status=302, headers={"Location": "/b"})
    site.pages["/b"] = Page(b"here")
    assert http.fetch(f"{site.url}/a", now=NOW).body == b"here"
    assert site.sent_bytes < 20 * MEGABYTE


def test_secrets_stay_at_the_host_they_were_meant_for(http: Http, site: WebServer) -> None:
    with serve() as other:
        other.pages["/b"] = Page(b"here")
        site.pages["/a"] = Page(status=302, headers={"Location": f"{other.url}/b"})
        http.fetch(f"{site.url}/a", now=NOW, headers={"X-Api-Key": "k", "Authorization": "Bearer t"}, etag='"7"')
    assert site.requests[0].headers["x-api-key"] == "k"
    assert {"x-api-key", "authorization"}.isdisjoint(other.requests[0].headers)
    assert other.requests[0].headers["if-none-match"] == '"7"'


# What it refuses to reach

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "192.0.0.192",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b:1::7f00:1",
    "fec0::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_blocked(guarded: Http, address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert not guarded.permits(ipaddress.ip_address(address))
    with pytest.raises(SourceRefused, match="private or reserved"):
        guarded.fetch(f"http://{host}/secret", now=NOW)
    with pytest.raises(Blocked, match="private or reserved"):
        guarded.validate(f"http://{host}:8080/secret")


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are_not(guarded: Http, address: str) -> None:
    assert guarded.permits(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "localhost"])
def test_other_spellings_of_loopback_are_blocked(guarded: Http, site: WebServer, host: str) -> None:
    port = site.url.rpartition(":")[2]
    with pytest.raises(SourceRefused, match="private or reserved"):
        guarded.fetch(f"http://{host}:{port}/", now=NOW)
    assert site.requests == []


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listens on every address of this machine; what connected waits in its queue."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        listener.settimeout(0)
        yield listener


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost"])
def test_nobody_learns_whether_a_blocked_address_listens(guarded: Http, listener: socket.socket, host: str) -> None:
    here = listener.getsockname()[1]
    with serve() as gone:
        pass
    answers = []
    for port in (here, urlsplit(gone.url).port):
        with pytest.raises(SourceRefused) as refused:
            guarded.fetch(f"http://{host}:{port}/", now=NOW)
        with pytest.raises(Blocked) as blocked:
            guarded.post(f"http://{host}:{port}/", content=b"", headers={})
        answers.append((str(refused.value), str(blocked.value)))
    assert answers[0] == answers[1]
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_only_addresses_that_may_be_reached_are_connected_to(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two(_host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.3", "127.0.0.2")]

    monkeypatch.setattr(anyio, "getaddrinfo", two)
    with Http(allowed_networks=("127.0.0.2/32",), timeout=0.3) as client, pytest.raises(SourceUnavailable):
        client.fetch(f"http://two.example:{listener.getsockname()[1]}/", now=NOW)
    came, _ = listener.accept()
    with came:
        assert came.getsockname()[0] == "127.0.0.2"
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_where_one_address_of_a_name_does_not_answer_the_next_is_tried(
    site: WebServer, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two(_host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.3", "127.0.0.1")]

    site.pages["/a"] = Page(b"body")
    monkeypatch.setattr(anyio, "getaddrinfo", two)
    assert http.fetch(f"http://two.example:{urlsplit(site.url).port}/a", now=NOW).body == b"body"


def test_only_the_allowed_network_is_opened() -> None:
    with Http(allowed_networks=("10.0.0.0/8", "fd00::/8")) as client:
        allowed = [client.permits(ipaddress.ip_address(ip)) for ip in ("10.9.9.9", "::ffff:10.9.9.9", "fd00::1")]
        blocked = [client.permits(ipaddress.ip_address(ip)) for ip in ("192.168.0.1", "169.254.169.254", "fe80::1")]
    assert all(allowed)
    assert not any(blocked)


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/meta-data", "http://[::1]/", "http://10.0.0.1"])
def test_a_redirect_to_a_private_address_is_blocked(http: Http, site: WebServer, target: str) -> None:
    site.pages["/a"] = Page(status=302, headers={"Location": target})
    with pytest.raises(SourceRefused, match="private or reserved"):
        http.fetch(f"{site.url}/a", now=NOW)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://files.example/", "gopher://x/"])
def test_a_redirect_to_another_protocol_is_blocked(http: Http, site: WebServer, target: str) -> None:
    site.pages["/a"] = Page(status=302, headers={"Location": target})
    with pytest.raises(SourceRefused, match="not an http or https address"):
        http.fetch(f"{site.url}/a", now=NOW)


def test_a_redirect_to_a_port_there_is_not_leads_nowhere(http: Http, site: WebServer) -> None:
    site.pages["/a"] = Page(status=302, headers={"Location": "http://127.0.0.1:99999/"})
    with pytest.raises(SourceUnavailable, match="could not be reached"):
        http.fetch(f"{site.url}/a", now=NOW)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://a.example", "http://", "nonsense", "", "http://[::1", "http://a.example:99999"],
)
def test_what_is_no_web_address_is_blocked(http: Http, url: str) -> None:
    with pytest.raises(Blocked):
        http.validate(url)
    with pytest.raises(SourceRefused):
        http.fetch(url, now=NOW)


# What an answer means


@pytest.mark.parametrize("status", [401, 402, 403, 407, 410, 451])
def test_a_person_must_act_when_refused(http: Http, site: WebServer, status: int) -> None:
    site.pages["/secret"] = Page(status=status)
    with pytest.raises(SourceRefused) as caught:
        http.fetch(f"{site.url}/secret", now=NOW)
    assert str(caught.value) == f"127.0.0.1 refused the request with status {status}."


@pytest.mark.parametrize("status", [404, 408, 425, 429, 500, 502, 503, 599])
def test_nobody_must_act_yet_when_unavailable(http: Http, site: WebServer, status: int) -> None:
    site.pages["/secret"] = Page(status=status, headers={"Retry-After": "120"})
    with pytest.raises(SourceUnavailable) as caught:
        http.fetch(f"{site.url}/secret", now=NOW)
    assert caught.value.not_before == NOW + timedelta(seconds=120)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [300, 400, 405, 406, 418])
def test_a_developer_must_act_on_anything_else(http: Http, site: WebServer, status: int) -> None:
    site.pages["/secret"] = Page(status=status)
    with pytest.raises(SourceChanged, match=f"status {status}"):
        http.fetch(f"{site.url}/secret", now=NOW)


def test_nobody_there_is_unavailable(http: Http) -> None:
    with serve() as gone:
        pass
    with pytest.raises(SourceUnavailable, match="could not be reached"):
        http.fetch(f"{gone.url}/secret", now=NOW)


@pytest.mark.parametrize("host", ["name.invalid", "a" * 70 + ".example"])
def test_a_name_that_does_not_resolve_is_unavailable(http: Http, host: str) -> None:
    with pytest.raises((SourceUnavailable, SourceRefused)):
        http.fetch(f"http://{host}/", now=NOW)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", NOW + timedelta(minutes=2)),
        ("0", NOW),
        (format_datetime(NOW + timedelta(hours=1), usegmt=True), NOW + timedelta(hours=1)),
        ("Mon, 02 Mar 2026 18:30:00 +0800", NOW + timedelta(hours=1)),
        ("Mon, 02 Mar 2020 09:30:00 GMT", NOW),
        ("9" * 30, NOW + LONGEST_WAIT),
        ("31536000", NOW + LONGEST_WAIT),
        ("Fri, 31 Dec 9999 23:59:59 -1200", NOW + LONGEST_WAIT),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_a_moment(value: str | None, expected: datetime | None) -> None:
    headers = {} if value is None else {"retry-after": value}
    assert retry_after(headers, NOW) == expected


@given(st.text())
def test_no_retry_after_breaks_anything(value: str) -> None:
    moment = retry_after({"Retry-After": value}, NOW)
    assert moment is None or NOW <= moment <= NOW + LONGEST_WAIT


# Posting


def test_a_post_gets_any_status_as_an_answer(http: Http, site: WebServer) -> None:
    site.pages["/hook"] = Page(b"no", status=400, headers={"Retry-After": "3"})
    answer = http.post(f"{site.url}/hook", content=b"{}", headers={"Content-Type": "application/json"})
    assert (answer.status, answer.text, answer.headers["retry-after"]) == (400, "no", "3")
    assert (site.requests[0].method, site.requests[0].body) == ("POST", b"{}")


def test_a_post_is_not_redirected_unless_asked_to(http: Http, site: WebServer) -> None:
    site.pages["/hook"] = Page(status=307, headers={"Location": "/moved"})
    site.pages["/moved"] = Page(b"ok")
    assert http.post(f"{site.url}/hook", content=b"1", headers={}).status == 307
    assert http.post(f"{site.url}/hook", content=b"1", headers={}, follow_redirects=True).text == "ok"
    assert site.requests[-1].body == b"1"


def test_a_long_answer_to_a_post_is_cut(http: Http, site: WebServer) -> None:
    site.pages["/hook"] = Page(endless())
    assert http.post(f"{site.url}/hook", content=b"", headers={}).text == "x" * 2000
    site.pages["/hook"] = Page(gzip.compress(b"y" * 50 * MEGABYTE), headers={"Content-Encoding": "gzip"})
    assert http.post(f"{site.url}/hook", content=b"", headers={}).text == "y" * 2000
    assert site.sent_bytes < 20 * MEGABYTE


def test_a_post_tells_why_it_got_no_answer(http: Http, hasty: Http, guarded: Http, site: WebServer) -> None:
    site.pages["/slow"] = site.silence
    site.pages["/odd"] = Page(zlib.compress(b"x"), headers={"Content-Encoding": "deflate"})
    for client, url, error in (
        (hasty, f"{site.url}/slow", TimedOut),
        (guarded, f"{site.url}/", Blocked),
        (http, f"{site.url}/odd", Garbled),
        (http, "http://127.0.0.1:1/", Unreachable),
    ):
        with pytest.raises(error) as caught:
            client.post(url, content=b"", headers={})
        assert "/" not in str(caught.value)


def test_errors_of_the_transport_are_one_family() -> None:
    assert TooLarge.__bases__ == Garbled.__bases__ == Blocked.__bases__


# Addresses for other protocols


def test_a_name_resolves_to_an_address_that_may_be_reached(http: Http, guarded: Http) -> None:
    assert http.resolve("localhost", 993) == "127.0.0.1"
    assert http.resolve("127.0.0.1", 993) == "127.0.0.1"
    with pytest.raises(Blocked, match="localhost has a private"):
        guarded.resolve("localhost", 993)
    with pytest.raises(Unreachable, match="does not resolve"):
        http.resolve("name.invalid", 993)
