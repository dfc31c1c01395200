"""`warden news copies`: clusters in, clusters out, and nothing half-written."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from warden.cli import app
from warden.errors import InvalidInput

STORY = "Example Steel shuts its Porto plant after three weeks of strikes over pay"
OTHER = "Contoso opens a research office in Hue"


def ran(tmp_path: Path, *lines: str, packed: bool = False) -> tuple[int, str, Path]:
    """(exit status, what was said, the file to be written)."""
    given, out = tmp_path / "articles.jsonl", tmp_path / "clusters.jsonl"
    body = "\n".join(lines).encode()
    given.write_bytes(gzip.compress(body) if packed else body)
    result = CliRunner().invoke(app, ["news", "copies", "--in", str(given), "--out", str(out)])
    faults = result.exception.faults if isinstance(result.exception, InvalidInput) else ()
    return result.exit_code, "\n".join([result.output, *map(str, faults)]), out


def line(text: str, **more: Any) -> str:
    return json.dumps({"id": 7, "text": text, **more})


def clusters(out: Path) -> list[int]:
    return [json.loads(one)["cluster"] for one in out.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("packed", [False, True])
def test_copies_share_a_cluster_and_all_fields_stay(tmp_path: Path, packed: bool) -> None:
    lines = [line(OTHER, partners=[{"name": "Contoso"}]), line(STORY), line(f"{STORY} - Example Times", lang="en")]
    status, said, out = ran(tmp_path, *lines, packed=packed)
    assert status == 0, said
    found = [json.loads(one) for one in out.read_text("utf-8").splitlines()]
    assert found == [{**json.loads(given), "cluster": number} for given, number in zip(lines, (1, 2, 2), strict=True)]


def test_the_same_words_a_month_later_are_news_again(tmp_path: Path) -> None:
    days = ("2026-01-01", "2026-01-03T10:00:00+07:00", "2026-02-03T10:00:00Z")
    assert clusters(ran(tmp_path, *(line(STORY, at=day) for day in days))[2]) == [1, 1, 3]
    status, said, out = ran(tmp_path, *(line(STORY, at=day) for day in days), line(OTHER, at=None))
    assert (status, clusters(out)) == (0, [1, 1, 1, 4])
    assert "1 have no time, so that time did not count." in said


def test_an_empty_file_gives_an_empty_one(tmp_path: Path) -> None:
    status, _, out = ran(tmp_path)
    assert (status, out.read_bytes()) == (0, b"")


def test_bad_lines_are_refused_by_number_and_an_older_answer_stays(tmp_path: Path) -> None:
    (tmp_path / "clusters.jsonl").write_text("kept")
    no_json = ['{"text": "a", "x": NaN}', '{"text": "a", "x": 1e999}']
    bad = ["{", '["text"]', '{"id": 1}', line(STORY, at="yesterday"), line(STORY, at=5), *no_json]
    status, said, out = ran(tmp_path, line(STORY), *bad)
    assert status != 0
    for number, where in ((2, ""), (3, ""), (4, ", text"), (5, ", at"), (6, ", at"), (7, ""), (8, "")):
        assert f"articles.jsonl, line {number}{where}" in said
    assert out.read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["articles.jsonl", "clusters.jsonl"]
