"""What is wrong with a file is said by file, line and column; then nothing is written."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from observed import OUTCOMES, Files, cutoffs, lively, messages

from warden.errors import Fault, InvalidInput

GOOD = "p1,2024-01-02,deliveries,2,1,0,2"
FEW = messages("p1", range(0, 30, 3))
HEADER = "partner,at,kind,value,late,cancelled,made"


def faults(files: Files) -> tuple[Fault, ...]:
    """What a forecast refuses to work on; whatever stood in its output before still stands there."""
    files.out.write_text("earlier", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        files.run()
    assert files.out.read_text(encoding="utf-8") == "earlier"
    assert sorted(path.name for path in files.folder.iterdir()) == [
        "forecast.csv", "keys.csv", "observations.csv", "outcomes.json",
    ]  # fmt: skip
    return caught.value.faults


def only(files: Files) -> str:
    """The one fault there is."""
    (fault,) = faults(files)
    return str(fault)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (",2024-01-02,deliveries,2,1,0,2", "column partner: is empty, expected a name"),
        ("  ,2024-01-02,deliveries,2,1,0,2", "column partner: is empty, expected a name"),
        (f"{'p' * 501},2024-01-02,deliveries,2,1,0,2", "column partner: found 501 characters, expected at most 500"),
        ("p1,,deliveries,2,1,0,2", "column at: found '', expected a date or date-time such as 2024-03-31 or "),
        ("p1,02.01.2024,deliveries,2,1,0,2", "column at: found '02.01.2024', expected a date"),
        ("p1,2024-02-30,deliveries,2,1,0,2", "column at: found '2024-02-30', expected a date"),
        ("p1,0024-01-02,deliveries,2,1,0,2", "column at: found '0024-01-02', expected a year from 1900 to 2199"),
        ("p1,2024-01-02,delivery,2,1,0,2", "column kind: found 'delivery', expected one of message_in, message_out"),
        ("p1,2024-01-02,deliveries,,1,0,2", "column value: found '', expected a number"),
        ("p1,2024-01-02,deliveries,-2,0,0,2", "column value: found '-2', expected a number from 0 to"),
        ("p1,2024-01-02,deliveries,2_0,1,0,2", "column value: found '2_0', expected a number"),
        ("p1,2024-01-02,deliveries,２,1,0,2", "column value: found '２', expected a number"),
        ("p1,2024-01-02,deliveries,nan,1,0,2", "column value: found 'nan', expected a number"),
        ("p1,2024-01-02,deliveries,inf,1,0,2", "column value: found 'inf', expected a number"),
        ("p1,2024-01-02,deliveries,1e999,1,0,2", "column value: found '1e999', expected a number from 0 to"),
        ("p1,2024-01-02,deliveries,2,-1,0,2", "column late: found '-1', expected a number from 0 to"),
        ("p1,2024-01-02,deliveries,2,3,0,2", "column late: found 3, expected at most the value, 2"),
        ("p1,2024-01-02,deliveries,2,1,x,2", "column cancelled: found 'x', expected a number"),
        ("p1,2024-01-02,deliveries,2,1,0,1e10", "column made: found '1e10', expected a number from 0 to"),
    ],
)
def test_a_wrong_cell_is_named_by_line_and_column(files: Files, row: str, fault: str) -> None:
    files.fill().observations.write_text(f"{HEADER}\n{GOOD}\n\n{row}\n{GOOD}\n", encoding="utf-8")
    assert only(files).startswith(f"observations.csv, line 4, {fault}")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (b"p1,2024-01-02,deliveries", "found 3 columns, expected 7: partner,at,kind"),
        (b"p1,2024-01-02,deliveries,2,1,0,2,3", "found 8 columns, expected 7: partner,at,kind"),
        (b"p\x00,2024-01-02,deliveries,2,1,0,2", "holds a NUL byte, expected text"),
        ("pé,2024-01-02,deliveries,2,1,0,2".encode("latin-1"), "byte 2 is not UTF-8"),
        (b"p" * 70_000 + b",2024-01-02,deliveries,2,1,0,2", "is longer than 64,000 bytes"),
        (b'"p"1,2024-01-02,deliveries,2,1,0,2', "is no CSV: "),
        (b"p1,2024-01-02\r,deliveries,2,1,0,2", "is no CSV: "),
    ],
)
def test_a_wrong_line_is_named(files: Files, row: bytes, fault: str) -> None:
    lines = [HEADER.encode(), GOOD.encode(), row, GOOD.encode(), b""]
    files.fill().observations.write_bytes(b"\n".join(lines))
    assert only(files).startswith(f"observations.csv, line 3: {fault}")


def test_a_quote_that_is_never_closed_is_named_where_it_opens(files: Files) -> None:
    files.fill().observations.write_text(f'{HEADER}\n{GOOD}\n"p1,2024-01-02\n' + f"{GOOD}\n" * 9, encoding="utf-8")
    assert only(files).startswith("observations.csv, line 3: is no CSV: ")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: nothing stands in the file, expected a header partner,at,kind,value,late,[cancelled],[made]"),
        ("\n\n", "line 1: nothing stands in the file"),
        (f"{HEADER}\n", "line 1: no row follows the header"),
        ("partner;at;kind;value;late\n", "line 1: found no column partner in partner;at;kind;value;late, expected"),
        ("partner,at,kind,value,made\np1,2024-01-02,deliveries,2,2\n", "line 1: found no column late in"),
        ("partner,at,kind,value,late,cancelled,made,late\n", "line 1: column late stands there twice"),
        ("partner,at,kind,value,late,canceled\n", "line 1: column canceled is not known; did you mean cancelled?"),
    ],
)
def test_a_header_that_is_not_understood_is_named(files: Files, text: str, fault: str) -> None:
    files.fill().observations.write_text(text, encoding="utf-8")
    assert f"observations.csv, {fault}" in str(faults(files)[0])


@pytest.mark.parametrize("keep", [0.5, 0.99])
def test_gzip_data_that_breaks_off_is_refused(files: Files, keep: float) -> None:
    data = gzip.compress(files.fill().observations.read_bytes())
    files.observations.write_bytes(data[: int(len(data) * keep)])
    assert "the gzip data cannot be read on from here" in only(files)


@pytest.mark.parametrize("keep", [0.3, 0.8, 0.99])
def test_packed_outcomes_that_break_off_are_refused(files: Files, keep: float) -> None:
    data = gzip.compress(files.fill().outcomes.read_bytes())
    files.outcomes.write_bytes(data[: int(len(data) * keep)])
    assert only(files).startswith("outcomes.json: cannot be read as JSON: ")


def test_damaged_gzip_data_is_refused(files: Files) -> None:
    data = bytearray(gzip.compress(files.fill().observations.read_bytes()))
    data[-6] ^= 0xFF
    files.observations.write_bytes(data)
    assert "the gzip data cannot be read on from here" in only(files)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (",2024-06-03,dark", "column partner: is empty, expected a name"),
        ("p1,Monday,dark", "column cutoff: found 'Monday', expected a date or date-time"),
        ("p1,2024-06-03,", "column outcome: is empty, expected a name"),
        ("p1,2024-06-03,gone", "column outcome: found 'gone', expected one of dark, late"),
        ("p1,2024-05-27,dark", "column partner: the same partner, cutoff and outcome stand in line 2"),
        ("p1,2024-05-27T00:00Z,dark", "column partner: the same partner, cutoff and outcome stand in line 2"),
    ],
)
def test_a_wrong_key_is_named_by_line_and_column(files: Files, row: str, fault: str) -> None:
    files.fill().keys.write_text(f"partner,cutoff,outcome\np1,2024-05-27,dark\n{row}\n", encoding="utf-8")
    assert only(files).startswith(f"keys.csv, line 3, {fault}")


def dark(**options: Any) -> str:
    return json.dumps({"dark": {**OUTCOMES["dark"], **options}, "late": OUTCOMES["late"]})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "outcomes.json: cannot be read as JSON: Expecting value: line 1 column 1"),
        ("[" * 100_000, "outcomes.json: cannot be read as JSON: "),
        ("{}", "outcomes.json: expected an object of outcomes such as"),
        ('["silence"]', "outcomes.json: expected an object of outcomes such as"),
        ('{"dark": "silence"}', "outcomes.json: dark: expected a name and an object with a kind and its options"),
        ('{"dark": {"days": 30}}', "outcomes.json: dark.kind: found 'None', expected one of late_share, "),
        (dark(kind="quiet"), "outcomes.json: dark.kind: found 'quiet', expected one of late_share, "),
        (dark(kind="tone"), "outcomes.json: dark.kind: found 'tone', expected one of late_share, "),
        (dark(day=3), "outcomes.json: dark.day: Extra inputs are not permitted, found 3"),
        (dark(days=3), "outcomes.json: dark.days: Input should be greater than or equal to 7, found 3"),
        (dark(days=None), "outcomes.json: dark.days: Input should be a valid number, found None"),
        (dark(days="30"), "outcomes.json: dark.days: Input should be a valid number, found '30'"),
        (dark(days=True), "outcomes.json: dark.days: Input should be a valid number, found True"),
        (dark(own_gap_quantile=float("nan")), "outcomes.json: dark.own_gap_quantile: "),
        ('{"dark": {"kind": "silence"}, "dark": {"kind": "silence"}}', "outcomes.json: dark: stands there twice"),
        ('{"dark": {"kind": "silence", "days": 9, "days": 8}}', "outcomes.json: dark.days: stands there twice"),
    ],
)
def test_an_outcome_that_is_not_understood_is_named_by_its_path(files: Files, text: str, fault: str) -> None:
    files.fill().outcomes.write_text(text, encoding="utf-8")
    assert only(files).startswith(fault)


def test_every_option_is_checked(files: Files) -> None:
    files.fill().outcomes.write_text(dark(days=-1, horizon_days=0, own_gap_quantile=2, colour="red"), encoding="utf-8")
    assert {fault.where.rpartition(".")[2] for fault in faults(files)} == {
        "days", "horizon_days", "own_gap_quantile", "colour",
    }  # fmt: skip


def test_twenty_faults_are_told_and_the_rest_is_counted(files: Files) -> None:
    files.fill().observations.write_text(f"{HEADER}\n" + f"{GOOD[:-1]}x\n" * 1000, encoding="utf-8")
    files.keys.write_text("partner,cutoff,outcome\n" + "p1,2024-05-27,gone\n" * 5, encoding="utf-8")
    told = faults(files)
    assert len(told) == 21
    assert [str(fault).partition(",")[0] for fault in told[:6]] == ["keys.csv"] * 5 + ["observations.csv"]
    assert str(told[-1]) == "and: 985 more like these"


def test_more_partners_and_days_than_memory_holds_are_refused(files: Files) -> None:
    rows = [(f"p{number}", "1900-01-01", "message_in", 1, "", "", "") for number in range(1500)]
    files.fill(rows=rows, keys=[("p1", "2199-12-31", "dark")])
    assert files.folder.is_dir()
    with pytest.raises(InvalidInput, match=r"observations.csv is too large to hold in memory: 1,500 partners over 1"):
        files.run()
    assert not files.out.exists()


def test_the_output_must_not_be_an_input(files: Files) -> None:
    before = files.fill().keys.read_bytes()
    same = Files(files.folder)
    with pytest.raises(InvalidInput, match=r"--out is keys.csv, which is read: it would be lost"):
        _forecast_to(same, same.keys)
    assert files.keys.read_bytes() == before


def test_the_output_must_be_able_to_stand_where_it_is_wanted(files: Files, tmp_path: Path) -> None:
    files.fill()
    with pytest.raises(InvalidInput, match="is no folder"):
        _forecast_to(files, tmp_path / "nowhere" / "out.csv")
    with pytest.raises(InvalidInput, match="is no file that could be replaced"):
        _forecast_to(files, tmp_path)


def _forecast_to(files: Files, out: Path) -> None:
    from warden.forecast.run import forecast

    forecast(files.observations, files.keys, files.outcomes, out)


def test_a_missing_file_is_named(files: Files) -> None:
    files.fill().keys.unlink()
    with pytest.raises(FileNotFoundError, match=r"keys\.csv"):
        files.run()


def test_cutoffs_before_everything_are_answered_all_the_same(files: Files) -> None:
    rows = lively(100)
    found = files.fill(rows=rows, keys=[("p1", at, "dark") for at in [*cutoffs(range(-3, 1)), "1999-12-31"]]).rows()
    assert {(row["likelihood"], row["band"], row["sample"]) for row in found} == {("0.1", "unknown", "0")}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["observations", "keys", "outcomes"]),
    start=st.sampled_from([b"", f"{HEADER}\n".encode(), b"partner,cutoff,outcome\n", b"\x1f\x8b", b'{"dark": ']),
    rest=st.binary(max_size=200) | st.text(alphabet=',;"\n\r\t p1-0:TZéN\0{}[]', max_size=200).map(str.encode),
)
def test_whatever_a_file_holds_it_is_answered_or_refused(tmp_path: Path, name: str, start: bytes, rest: bytes) -> None:
    files = Files(tmp_path).fill(rows=FEW, keys=[("p1", "2024-02-05", "dark")])
    files.out.unlink(missing_ok=True)
    getattr(files, name).write_bytes(start + rest)
    told: tuple[Fault, ...] = ()
    try:
        files.run()
    except InvalidInput as error:
        told = error.faults
    assert files.out.exists() != bool(told)
    assert len(told) <= 21
    assert all(str(fault).startswith(getattr(files, name).name) for fault in told[:20])
