"""`warden serve` and `run` as processes: they start, answer, and stop when told."""

import re
import signal
import urllib.request
from collections.abc import Callable

import pytest


def test_the_first_start_makes_the_database_and_prints_one_sign_in_link(start: Callable) -> None:
    served = start("serve")
    served.wait_until_ready()
    links = re.findall(r"http://\S+/sign-in\S+", served.output)
    assert len(links) == 1
    assert served.get(links[0].removeprefix(f"http://127.0.0.1:{served.port}"))[0] == 200


def test_sigterm_ends_serving_gracefully(start: Callable) -> None:
    served = start("serve")
    served.wait_until_ready()
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(timeout=60) == 0
    assert "clock_stopped" in served.output
    assert "Traceback" not in served.output


def test_a_second_start_prints_no_link_and_a_lost_link_can_be_made_again(start: Callable, warden: Callable) -> None:
    first = start("serve")
    first.wait_until_ready()
    first.process.send_signal(signal.SIGTERM)
    first.process.wait(timeout=60)
    second = start("serve")
    second.wait_until_ready()
    assert "sign-in" not in second.output
    assert "/sign-in" in warden("user", "link", "admin@localhost").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_beats_without_a_web_server_and_stops_when_told(start: Callable, number: signal.Signals) -> None:
    running = start("run")
    running.wait_for(lambda: "clock_started" in running.output, "clock_started")
    running.process.send_signal(number)
    assert running.process.wait(timeout=60) == 0
    assert "clock_stopped" in running.output


def test_health_and_metrics_are_open_on_loopback(start: Callable) -> None:
    served = start("serve")
    served.wait_until_ready()
    assert served.get("/healthz")[0] == 200
    status, metrics = served.get("/metrics")
    assert status == 200
    assert "warden_clock_heartbeat_seconds" in metrics


def test_a_taken_port_is_said_in_one_sentence(warden: Callable, a_taken_port: int) -> None:
    ended = warden("serve", "--port", str(a_taken_port))
    assert ended.returncode == 1
    assert f"Cannot listen on 127.0.0.1, port {a_taken_port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_pretended_clock_is_where_it_was_told_to_be(start: Callable) -> None:
    served = start("serve", WARDEN_START_AT="2011-06-30T08:00:00Z")
    served.wait_until_ready()
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/metrics", timeout=10) as answer:
        heartbeat = re.search(r"^warden_clock_heartbeat_seconds (\S+)", answer.read().decode(), re.MULTILINE)
    assert heartbeat
    assert 1_309_420_800 <= float(heartbeat[1]) < 1_309_424_400  # 2011-06-30T08:00Z and the hour after
