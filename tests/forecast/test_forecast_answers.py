"""What is answered: every key, from what was known before its cutoff, as the scorers themselves say it."""

import csv
import gzip
import io
import json
import math
import os
import random
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from observed import (
    KEY,
    MONDAY,
    OBSERVED,
    OUTCOMES,
    PARTNERS,
    Files,
    Rows,
    as_csv,
    blind,
    cutoffs,
    day,
    deliveries,
    lively,
    messages,
)

from scorers.base import logit, spread
from warden.discovery import scorers
from warden.forecast.bands import UNKNOWN, bands
from warden.forecast.inputs import Key, read_observations, read_outcomes
from warden.forecast.panels import DAY, Portfolio
from warden.forecast.predict import Answer
from warden.forecast.run import REFUSAL, forecast
from warden.lines import Faults

NAMES = ["Rare", "Unlikely", "Possible", "Likely", "Very likely"]


def test_every_key_is_answered_in_the_order_of_the_keys(files: Files) -> None:
    asked = [(one, at, name) for at in cutoffs(range(30, 20, -1)) for one in PARTNERS for name in ("late", "dark")]
    found = files.fill(keys=asked).rows()
    assert [(row["partner"], row["cutoff"], row["outcome"]) for row in found] == asked
    assert all(0 <= float(row["likelihood"]) <= 1 for row in found)
    assert {row["band"] for row in found} <= {*NAMES, UNKNOWN}
    assert list(found[0]) == ["partner", "cutoff", "outcome", "likelihood", "band", "sample"]


def test_a_file_of_labels_is_a_file_of_keys(files: Files) -> None:
    plain = files.fill().likelihoods()
    with files.keys.open(encoding="utf-8") as file:
        labelled = [{**row, "label": "1", "phase": "test"} for row in csv.DictReader(file)]
    header = [*KEY, "label", "phase"]
    files.keys.write_text(as_csv(header, [[row[name] for name in header] for row in labelled]), encoding="utf-8")
    assert files.likelihoods() == plain


def test_files_are_known_by_what_they_hold_not_by_their_names(files: Files) -> None:
    plain = files.fill().run()
    written = files.out.read_bytes()
    for path in (files.observations, files.keys, files.outcomes):
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert files.run() == plain
    assert files.out.read_bytes() == written


def test_further_columns_are_not_read(files: Files) -> None:
    rows = [row for row in lively() if row[2].startswith("message")]
    keys = [(one, at, "dark") for one in PARTNERS for at in cutoffs(range(20, 40))]
    silence = {"dark": OUTCOMES["dark"]}
    plain = files.fill(rows=rows, keys=keys, outcomes=silence).likelihoods()
    for name in ("latest", "remark"):
        text = as_csv([*OBSERVED[:4], name], [[*row[:4], "x"] for row in rows])
        files.observations.write_text(text, encoding="utf-8")
        assert files.likelihoods() == plain


def test_byte_order_marks_blank_lines_and_line_ends_make_no_difference(files: Files) -> None:
    plain = files.fill().likelihoods()
    for path in (files.observations, files.keys, files.outcomes):
        text = path.read_text(encoding="utf-8")
        path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n")
    assert files.likelihoods() == plain


def test_an_output_named_gz_is_gzipped(files: Files) -> None:
    files.fill().run()
    packed = files.folder / "forecast.csv.gz"
    forecast(files.observations, files.keys, files.outcomes, packed)
    assert gzip.decompress(packed.read_bytes()) == files.out.read_bytes()


def test_what_a_killed_forecast_left_behind_stops_no_other_and_is_not_taken_away(files: Files) -> None:
    """In a container every process has the same number, time and again."""
    left = files.fill().folder / f".{files.out.name}.{os.getpid()}"
    left.write_text("half a forecast", encoding="utf-8")
    assert files.rows()
    assert left.read_text(encoding="utf-8") == "half a forecast"


def test_the_longest_name_a_file_can_have_will_do(files: Files) -> None:
    longest = files.fill().folder / f"{'f' * 251}.csv"
    forecast(files.observations, files.keys, files.outcomes, longest)
    assert longest.is_file()


def test_dates_moments_and_zones_name_the_same_cutoff(files: Files) -> None:
    same = [
        day(210),
        f"{day(210)}T00:00",
        f"{day(210)} 00:00:00Z",
        f"{day(210)}T08:00+08:00",
        f"{day(209)}T17:00-07:00",
    ]
    files.fill(keys=[(one, at, name) for name in OUTCOMES for at in same[:1] for one in PARTNERS])
    expected = [row["likelihood"] for row in files.rows()]
    for cutoff in same[1:]:
        files.fill(keys=[(one, cutoff, name) for name in OUTCOMES for one in PARTNERS])
        assert [row["likelihood"] for row in files.rows()] == expected


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_the_order_of_rows_is_irrelevant(tmp_path: Path, seed: int) -> None:
    files = Files(tmp_path).fill()
    expected = files.likelihoods()
    rows = lively()
    keys = [(one, at, name) for one in PARTNERS for at in cutoffs(range(20, 40)) for name in OUTCOMES]
    random.Random(seed).shuffle(rows)
    random.Random(seed).shuffle(keys)
    assert files.fill(rows=rows, keys=keys).likelihoods() == expected


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(week=st.integers(20, 39))
def test_what_happens_later_changes_nothing_said_before(tmp_path: Path, week: int) -> None:
    files = Files(tmp_path)
    later = [*lively(), *messages("newcomer", range(200, 300)), *deliveries("newcomer", range(200, 300), range(300))]
    keys = [(one, at, name) for one in PARTNERS for at in cutoffs(range(20, week + 1)) for name in OUTCOMES]
    known = [row for row in later if row[1] < day(7 * week)]
    expected = files.fill(rows=later, keys=keys).likelihoods()
    assert files.fill(rows=known, keys=keys).likelihoods() == expected


def test_a_fact_counts_from_the_moment_after_it(files: Files) -> None:
    rows = [row for row in lively(210) if row[0] != "p3"]
    rows += [*messages("p3", range(150)), ("p3", f"{day(200)} 12:00:00", "message_in", 1, "", "", "")]
    noon = [f"{day(200)}T12:00:00Z", f"{day(200)}T12:00:00.000001Z"]
    at_noon, after = (
        row["likelihood"] for row in files.fill(rows=rows, keys=[("p3", at, "dark") for at in noon]).rows()
    )
    assert float(after) < float(at_noon)


def test_what_is_said_is_what_the_scorers_say(files: Files) -> None:
    """The panel of each cutoff is that of the last one `before` it; at midnight nothing has to be cut by the hour."""
    files.fill()
    faults = Faults(REFUSAL)
    asked = read_outcomes(files.outcomes, faults)
    observed = read_observations(files.observations, asked, faults)
    portfolio = Portfolio(observed, _micros(280))
    whole = portfolio.panel(_micros(280))
    assert whole.partners == len(PARTNERS)
    said = files.likelihoods()
    by_name = {scorer.name: scorer for scorer in scorers()}
    for week in range(20, 40):
        for name, one in asked.items():
            terms = spread([one.options], np.zeros(whole.partners, dtype=np.intp))
            value = by_name[one.scorer.name].score(whole.before(7 * week), terms).value
            told = [said[partner, day(7 * week), name] for partner in portfolio.partners]
            known = ~np.isnan(value)
            assert known.sum() >= 5
            assert np.array(told)[known].tolist() == value[known].tolist()
            assert set(np.array(told)[~known]) <= {(value[known].sum() + 0.1) / (known.sum() + 1)}


def test_contributions_add_up_to_the_likelihood(files: Files) -> None:
    rows = files.fill(rows=[*lively(), *messages("shy", [120])]).rows(explain=True)
    files.fill(
        rows=[*lively(), *messages("shy", [120])], keys=[("shy", day(140), "dark"), ("nobody", day(140), "late")]
    )
    rows += files.rows(explain=True)
    for row in rows:
        parts = json.loads(row["contributions"])
        assert abs(math.fsum(parts.values()) - float(logit(np.array(float(row["likelihood"]))))) < 1e-9
    assert list(json.loads(rows[-1]["contributions"])) == ["portfolio"]


def test_a_partner_nobody_has_heard_of_has_the_likelihood_of_the_portfolio(files: Files) -> None:
    keys = [(one, day(210), "late") for one in (*PARTNERS, "nobody", "tomorrow")]
    rows = files.fill(rows=[*lively(), *messages("tomorrow", [210, 211])], keys=keys).rows()
    known = [float(row["likelihood"]) for row in rows if row["band"] != UNKNOWN]
    assert len(known) == len(PARTNERS)
    for row in rows[-2:]:
        assert float(row["likelihood"]) == pytest.approx((sum(known) + 0.1) / (len(known) + 1))
        assert (row["band"], row["sample"]) == (UNKNOWN, "0")


def test_nobody_goes_into_alarm_while_no_source_can_report(files: Files) -> None:
    start, weeks = 203, [29, 30, 31, 32]
    seen = [row for row in lively() if not start <= _day_of(row[1]) < start + 21]
    keys = [(one, at, name) for name in OUTCOMES for one in PARTNERS for at in cutoffs(weeks)]
    rows = files.fill(rows=[*seen, *(blind(one, start, 21) for one in PARTNERS)], keys=keys).rows()
    by_key = {(row["partner"], row["outcome"], row["cutoff"]): row for row in rows}
    for one in PARTNERS:
        for name in OUTCOMES:
            before, *during = (by_key[one, name, at] for at in cutoffs(weeks))
            for row in during:
                assert NAMES.index(row["band"]) <= NAMES.index(before["band"]), (one, name, row)
                assert float(row["likelihood"]) < float(before["likelihood"]) + 0.1, (one, name, row)


def test_unflagged_silence_is_silence(files: Files) -> None:
    start = 203
    seen = [row for row in lively() if not start <= _day_of(row[1])]
    keys = [(one, day(at), "dark") for at in (start, start + 28) for one in PARTNERS]
    rows = files.fill(rows=seen, keys=keys).rows()
    before, after = rows[: len(PARTNERS)], rows[len(PARTNERS) :]
    pairs = zip(before, after, strict=True)
    assert all(float(late["likelihood"]) > float(early["likelihood"]) for early, late in pairs)


def test_spells_that_are_over_are_days_that_do_not_count(files: Files) -> None:
    rows = [*lively(), blind("p1", 70, 10), blind("p1", 75, 10.5), blind("p2", 130, 1000)]
    files.fill(rows=rows)
    portfolio = Portfolio(read_observations(files.observations, {}, Faults(REFUSAL)), _micros(140))
    panel = portfolio.panel(_micros(140))
    place = {partner: row for row, partner in enumerate(portfolio.partners)}
    exposed = panel.exposure.patterns[panel.exposure.of]
    assert exposed.shape == (len(PARTNERS), 140)
    assert exposed[place["p1"]].tolist() == [1.0] * 70 + [0.0] * 15 + [0.5] + [1.0] * 54
    assert all((exposed[place[one]] == 1).all() for one in PARTNERS if one != "p1")
    for days in panel.blind_days.values():
        assert {one: days[place[one]] for one in PARTNERS} == {**dict.fromkeys(PARTNERS, 0.0), "p2": 10.0}


def test_kinds_of_our_own_reach_the_panel(files: Files) -> None:
    rows = [
        ("p1", f"{day(1)} 06:00", "reply", 5.5, "", "", ""),
        ("p1", f"{day(2)} 06:00", "satisfaction", 8, "", "", ""),
        ("p1", day(3), "meeting", 2, "", "", ""),
        ("p1", day(3), "milestone", 3, 1, "", ""),
        ("p1", day(3), "delivery_due", 4, 2, "", ""),
        ("p1", day(3), "delivery_made", 5, "", "", ""),
        ("p1", f"{day(3)}T23:59:59.999999", "message_in", 1, "", "", ""),
        ("p1", f"{day(4)}T00:00:00", "message_out", 1, "", "", ""),
    ]
    files.fill(rows=rows)
    panel = Portfolio(read_observations(files.observations, {}, Faults(REFUSAL)), _micros(20)).panel(_micros(4))
    last = {name: float(counts[0, -1]) for name, counts in panel.daily.items()}
    assert last == {
        "received": 1, "sent": 0, "threads_in": 0, "threads_out": 0, "met": 2, "due": 4, "late": 2, "made": 5,
        "milestones": 3, "missed": 1,
    }  # fmt: skip
    assert (panel.at, panel.days, panel.now.tolist()) == (datetime(2024, 1, 5, tzinfo=UTC), 4, [4.0])
    assert (panel.replies.age_days.tolist(), panel.replies.value.tolist()) == ([2.75], [5.5])
    satisfied = panel.measures["satisfaction"]
    assert (satisfied.partner.tolist(), satisfied.age_days.tolist(), satisfied.value.tolist()) == ([0], [1.75], [8.0])


def test_options_left_out_are_unused_where_they_may_be_and_shipped_where_not(files: Files) -> None:
    files.fill(outcomes={"sla": {"kind": "late_share", "times_portfolio": 1.5}, "dark": {"kind": "silence"}})
    asked = read_outcomes(files.outcomes, Faults(REFUSAL))
    sla, shipped = asked["sla"].options.model_dump(), type(asked["sla"].options)().model_dump()
    assert (sla["times_own"], sla["times_portfolio"]) == (None, 1.5)
    assert {name: sla[name] for name in ("at_least", "own_days", "min_next")} == {
        name: shipped[name] for name in ("at_least", "own_days", "min_next")
    }
    assert asked["dark"].options.model_dump()["own_gap_quantile"] is None


def test_any_sign_of_life_ends_a_silence(files: Files) -> None:
    rows = [*messages("p1", range(0, 100, 3)), *deliveries("p2", range(0, 100, 3))]
    rows += [("p3", day(at), "delivery_made", 1, "", "", "") for at in range(0, 100, 3)]
    rows += [("p4", day(at), "deliveries", 1, 1, 1, 0) for at in range(0, 100, 3)]  # promised, all cancelled
    rows += deliveries("p4", range(0, 30, 3))
    keys = [(one, day(105), "dark") for one in ("p1", "p2", "p3", "p4")]
    heard, delivered, made, cancelled = (row["likelihood"] for row in files.fill(rows=rows, keys=keys).rows())
    assert heard == delivered == made
    assert float(cancelled) > float(made)


def test_a_band_is_entered_at_once_and_left_beyond_a_margin() -> None:
    likelihoods = [0.1, 0.61, 0.45, 0.36, 0.35, 0.61, float("nan"), 0.45]
    keys = [Key("p1", day(7 * week), "dark", _micros(7 * week)) for week in range(len(likelihoods))]
    answers = [Answer(one, not math.isnan(one), 1.0, {}) for one in likelihoods]
    expected = ["Rare", "Likely", "Likely", "Likely", "Possible", "Likely", UNKNOWN, "Possible"]
    assert bands(keys, answers) == expected
    assert bands(keys[::-1], answers[::-1]) == expected[::-1]


def test_other_partners_and_outcomes_have_bands_of_their_own() -> None:
    at = [_micros(0), _micros(7)]
    keys = [Key(one, "", name, at[week]) for week in (0, 1) for one in ("p1", "p2") for name in ("dark", "late")]
    answers = [Answer(one, True, 1.0, {}) for one in (0.9, 0.1, 0.1, 0.1, 0.7, 0.7, 0.1, 0.5)]
    assert bands(keys, answers) == [
        "Very likely", "Rare", "Rare", "Rare", "Very likely", "Likely", "Rare", "Possible",
    ]  # fmt: skip


def test_a_portfolio_can_be_asked_about_at_any_moment(files: Files) -> None:
    moments = ["2024-07-30T13:45:12.5Z", "2024-07-30", "2024-08-05T00:00:00.000001Z", "2031-01-01"]
    rows = files.fill(keys=[(one, at, name) for name in OUTCOMES for one in PARTNERS for at in moments]).rows()
    assert len(rows) == len(OUTCOMES) * len(PARTNERS) * len(moments)
    assert all(0 <= float(row["likelihood"]) <= 1 for row in rows)


def test_text_is_kept_as_it_was_written(files: Files) -> None:
    names = ["Nguyễn, Đức", '聯亞 "光電"', " 7 "]
    rows = [row for name in names for row in messages(name, range(60))]
    files.fill(rows=rows, keys=[(name, f"{day(70)} 00:00", "dark") for name in names])
    found = list(csv.DictReader(io.StringIO(files.out.read_text(encoding="utf-8")))) if files.run() else []
    assert [(row["partner"], row["cutoff"]) for row in found] == [(name, f"{day(70)} 00:00") for name in names]


def _micros(days: int) -> int:
    return int(MONDAY.timestamp()) * 1_000_000 + days * DAY


def _day_of(at: str) -> int:
    return (datetime.fromisoformat(at).replace(tzinfo=UTC) - MONDAY).days


def test_outcomes_of_the_other_kinds_are_answered_too(files: Files) -> None:
    rows: Rows = []
    for number, one in enumerate(PARTNERS):
        rows += [(one, f"{day(at)} 09:00", "reply", 5 + at % 7, "", "", "") for at in range(number, 190, 4)]
        rows += [(one, day(at), "satisfaction", 3 + at % 2, "", "", "") for at in range(number, 190, 30)]
        rows += [(one, day(at), "milestone", 1, at % 2, "", "") for at in range(number, 190, 10)]
    rows += [("p0", f"{day(at)} 09:00", "reply", 300, "", "", "") for at in range(190, 210)]
    asked = {name: {"kind": name} for name in ("reply_slowdown", "satisfaction", "milestones")}
    keys = [(one, day(210), name) for name in asked for one in PARTNERS]
    found = files.fill(rows=rows, keys=keys, outcomes=asked).rows()
    assert UNKNOWN not in {row["band"] for row in found}
    slow = [float(row["likelihood"]) for row in found if row["outcome"] == "reply_slowdown"]
    assert slow.index(max(slow)) == 0
