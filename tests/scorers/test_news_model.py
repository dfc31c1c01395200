"""Models as they ship and as they are stored: exact round trips, sizes, and hostile files refused by name."""

import io
import json
import re
import zipfile
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from scorers.news.invented import headlines
from scorers.news.model import LABELS, MOST_GRAMS, Model, ModelUnreadable
from scorers.news.read import judge, shipped_models
from scorers.news.training import AS_THEY_ARE, fit, views_of

LANGUAGES = ("en", "zh", "vi")
FOLDER = Path(str(files("scorers.news"))) / "models"


def views(*texts: str, language: str = "en") -> list:
    return views_of(texts, [None] * len(texts), [""] * len(texts), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_shipped_model_is_small_and_what_its_headlines_make(language: str) -> None:
    shipped = shipped_models()[language]
    assert len(FOLDER.joinpath(f"{language}.npz").read_bytes()) < 5_000_000
    assert len(shipped.grams) <= MOST_GRAMS
    rows = headlines(language)
    rebuilt = fit(
        rows.texts,
        rows.labels,
        rows.targets,
        language=language,
        lexicon_share=shipped.lexicon_share,
        calibrated=False,
        lengths=AS_THEY_ARE,
    ).model
    assert rebuilt.grams == shipped.grams
    np.testing.assert_allclose(rebuilt.gram_weights, shipped.gram_weights, atol=0.02)
    np.testing.assert_allclose(rebuilt.count_weights, shipped.count_weights, atol=0.02)


@pytest.mark.parametrize("language", LANGUAGES)
def test_headlines_are_about_three_hundred_with_every_label_and_every_name_found(language: str) -> None:
    rows = headlines(language)
    assert 300 <= len(set(rows.texts)) <= 320
    assert set(rows.labels) == set(LABELS)
    seen = views_of(rows.texts, rows.targets, [""] * len(rows.texts), language)
    assert all(bool(view.near) == (target is not None) for view, target in zip(seen, rows.targets, strict=True))


def test_a_model_survives_bytes_and_folders_exactly(tmp_path: Path) -> None:
    model = shipped_models()["vi"]
    again = Model.from_bytes(model.to_bytes())
    assert again.to_bytes() == model.to_bytes()
    model.save(tmp_path)
    stored = Model.load(tmp_path, "vi")
    texts = views("Hòa Phát báo lãi kỷ lục", "", language="vi")
    np.testing.assert_array_equal(stored.judge(texts).p, model.judge(texts).p)
    assert json.loads(tmp_path.joinpath("vi.json").read_text("utf-8"))["trained_on"] == model.trained_on


def test_the_weights_of_labels_move_the_label_and_its_reasons_and_not_the_probabilities(tmp_path: Path) -> None:
    model = shipped_models()["en"]
    text = views("Acme profit jumps at the annual meeting")
    replace(model, label_weights=np.array([1.0, 50.0, 1.0], dtype=np.float32)).save(tmp_path)
    dull = Model.load(tmp_path, "en")
    plain, moved = model.judge(text), dull.judge(text)
    np.testing.assert_array_equal(moved.p, plain.p)
    assert [LABELS[judged.told[0]] for judged in (plain, moved)] == ["positive", "neutral"]
    assert plain.reasons != moved.reasons
    said = judge("Acme profit jumps at the annual meeting", models={"en": dull})
    assert (said.label, said.uncertain) == ("neutral", False)
    about = json.loads(tmp_path.joinpath("en.json").read_text("utf-8"))
    assert about["label_weights"] == {"negative": 1.0, "neutral": 50.0, "positive": 1.0}


def test_a_model_stored_without_weights_of_labels_tells_the_likeliest() -> None:
    older = Model.from_bytes(rewritten(label_weights=None))
    assert older.label_weights.tolist() == [1.0, 1.0, 1.0]


def test_nothing_to_judge_is_no_answer_and_an_empty_text_is_neutral() -> None:
    model = shipped_models()["en"]
    assert model.judge([]).p.shape == (0, 3)
    p = model.judge(views("")).p
    assert p.sum() == pytest.approx(1.0)
    assert p.argmax() == LABELS.index("neutral")


def test_judging_together_or_alone_gives_the_same() -> None:
    model = shipped_models()["en"]
    texts = ("Profit jumps", "Court orders recall", "", "Annual meeting in May")
    together = model.judge(views(*texts)).p
    alone = np.vstack([model.judge(views(text)).p for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def rewritten(**changes: object) -> bytes:
    """The bytes of a model with members of its archive replaced; None leaves one out."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(shipped_models()["en"].to_bytes())) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            key = name.removesuffix(".npy")
            if key not in changes:
                new.writestr(name, old.read(name))
            elif changes[key] is not None:
                new.writestr(name, member_of(changes[key]))
    return packed.getvalue()


def member_of(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    member = io.BytesIO()
    np.save(member, value, allow_pickle=True)
    return member.getvalue()


def encrypted() -> bytes:
    """The bytes of a model whose archive says that it needs a password."""
    raw = bytearray(shipped_models()["en"].to_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for found in re.finditer(re.escape(mark), bytes(raw)):
            raw[found.start() + flags] |= 1
    return bytes(raw)


def headed(head: bytes) -> bytes:
    """An array whose head is this."""
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head


def about(**changes: object) -> np.ndarray:
    with np.load(io.BytesIO(shipped_models()["en"].to_bytes())) as arrays:
        known = json.loads(arrays["about"].tobytes())
    return np.frombuffer(json.dumps(known | changes).encode(), dtype=np.uint8)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (lambda: b"", "expected a model"),
        (lambda: b"PK\x03\x04 nonsense", "expected a model"),
        (lambda: shipped_models()["en"].to_bytes()[:5000], "expected a model"),
        (lambda: rewritten(bias=None), "nothing for bias"),
        (lambda: rewritten(bias=np.zeros(4)), r"shape \(4,\) for bias"),
        (lambda: rewritten(bias=np.array([1.0, np.nan, 0.0])), "bias holds what is no number"),
        (lambda: rewritten(bias=np.array([1, 2, 3])), "int64"),
        (lambda: rewritten(bias=np.array([{}, {}, {}], dtype=object)), "expected a model"),
        (lambda: rewritten(scale=np.float64(0)), "a scale above 0"),
        (lambda: rewritten(lexicon_share=np.float64(2)), "a share up to 1"),
        (lambda: rewritten(label_weights=np.array([1.0, 0.0, 1.0])), "label_weights above 0"),
        (lambda: rewritten(about=about(format=0)), "found version 0.1"),
        (lambda: rewritten(about=about(language="fr")), "expected a language part"),
        (lambda: rewritten(about=about(grams="abc")), "a list of n-grams"),
        (lambda: rewritten(about=about(grams=["a"])), "for rarity"),
        (lambda: rewritten(about=np.frombuffer(b"[]", dtype=np.uint8)), "a description"),
        (lambda: rewritten(about=np.frombuffer(b"[" * 100_000, dtype=np.uint8)), "expected a model"),
        (encrypted, "not encrypted"),
        (lambda: rewritten(about=b"{}"), "expected arrays alone"),
        (lambda: rewritten(bias=b"hello"), "expected arrays alone"),
        (lambda: rewritten(bias=headed(b"{'a': (\n")), "expected a model"),
        (lambda: rewritten(bias=np.array([1e300, 0.0, 0.0])), "too large"),
    ],
    ids=range(22),
)
def test_a_hostile_file_is_refused_with_its_name_and_what_was_expected(raw, said: str) -> None:
    with pytest.raises(ModelUnreadable, match=said) as refused:
        Model.from_bytes(raw(), "en.npz")
    assert str(refused.value).startswith("en.npz: ")


def test_a_model_of_another_language_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("zh.npz").write_bytes(shipped_models()["en"].to_bytes())
    with pytest.raises(ModelUnreadable, match=r"zh\.npz: found a model of en"):
        Model.load(tmp_path, "zh")


def test_a_file_that_unpacks_to_gigabytes_is_refused() -> None:
    with pytest.raises(ModelUnreadable, match="unpacks to more"):
        Model.from_bytes(rewritten(bias=np.zeros(20_000_000)), "en.npz")


def test_what_the_lexicon_has_to_say_is_part_of_the_answer() -> None:
    model = shipped_models()["en"]
    deaf, trusting = replace(model, lexicon_share=0.0), replace(model, lexicon_share=1.0)
    (text,) = views("Acme shares plunge")
    assert trusting.judge([text]).p[0] == pytest.approx(text.by_lexicon(), abs=1e-6)
    assert deaf.judge([text]).p[0] != pytest.approx(text.by_lexicon(), abs=1e-3)
