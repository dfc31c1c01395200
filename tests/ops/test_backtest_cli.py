"""`warden backtest` as a person types it."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from assessed import known_as, partner, report
from factories import messages

from collectors.base import Key
from warden.clock import utc_now
from warden.db import Database


def test_without_a_past_it_says_so(ready: Callable) -> None:
    ended = ready("backtest")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("There is no past to judge yet")
    assert "imported history" in ended.stdout


def test_words_come_first_then_figures_and_the_report_as_json(ready: Callable, tmp_path: Path) -> None:
    fill(f"sqlite:///{tmp_path}/warden.db")
    ended = ready("backtest", "--weeks", "30", "--json", "report.json")
    assert ended.returncode == 0, ended.stderr
    assert "30 of 30 weeks" in ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("30 weeks of 12 partners, week by week, from")
    sentence = next(number for number, line in enumerate(lines) if line.startswith("silence: Of "))
    figures = next(number for number, line in enumerate(lines) if line.startswith("silence: horizon 28 days"))
    assert sentence < figures
    assert "days since contact" in lines[figures + 3]
    read = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [outcome["name"] for outcome in read["outcomes"] if outcome["enough"]] == ["silence"]


def test_nonsense_is_refused(warden: Callable) -> None:
    assert warden("backtest", "--weeks", "3").returncode == 2
    ended = warden("backtest", "--json", "nowhere/report.json")
    assert ended.returncode == 2
    assert "nowhere is no folder" in ended.stderr


def fill(url: str) -> None:
    """Twelve partners who are heard of every third day and once, one after the other, not for 45 days."""
    database, now, day = Database(url), utc_now(), timedelta(days=1)
    with database.write() as session:
        for number in range(12):
            known_as(session, partner(session, f"P{number}", now), f"p{number}", now)
    for number in range(12):
        ages = [age for age in range(600, 0, -3) if not 60 <= age - 8 * number < 105]
        facts = messages([now - age * day for age in ages], key=Key("supplier_code", f"p{number}"))
        report(database, facts, now)
    database.close()
