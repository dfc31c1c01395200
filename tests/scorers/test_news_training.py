"""Training: what is said of a word is learned, the same rows give the same model, and too little is refused."""

import subprocess
import sys

import numpy as np
import pytest

from scorers.news.invented import headlines
from scorers.news.training import (
    AS_THEY_ARE,
    TooFewLabels,
    fit,
    label_by_lexicon,
    label_weights,
    language_part,
    views_of,
)

WORDS = {"negative": "glumfy", "neutral": "plonkish", "positive": "zestral"}
FIRMS = ("Acme", "Beta Corp", "Corvane", "Delmar", "Ellory", "Fennick", "Gullane", "Halden", "Ibex", "Juno")


def invented(repeats: int = 4) -> tuple[list[str], list[str], list[str | None]]:
    rows = [
        (f"{firm} day {number} is {word}", label, None)
        for firm in FIRMS
        for number in range(repeats)
        for label, word in WORDS.items()
    ]
    texts, labels, targets = zip(*rows, strict=True)
    return list(texts), list(labels), list(targets)


@pytest.fixture(scope="module")
def model():
    texts, labels, targets = invented()
    return fit(texts, labels, targets, language="en").model


@pytest.mark.parametrize(("label", "word"), WORDS.items())
def test_a_word_nobody_wrote_into_the_lexicon_is_learned(model, label: str, word: str) -> None:
    judged = model.judge(views_of([f"Wexford is {word}"], ["Wexford"], [""], "en"))
    assert ("negative", "neutral", "positive")[judged.p[0].argmax()] == label
    assert any(word in gram for gram, _ in judged.reasons[0])


def test_reasons_are_readable_words_that_do_not_repeat_each_other(model) -> None:
    (reasons,) = model.judge(views_of(["Acme is glumfy"], [None], [""], "en")).reasons
    words = [word for word, _ in reasons]
    assert 1 <= len(words) <= 3
    assert all(word.isprintable() and weight > 0 for word, weight in reasons)
    assert not any(one != other and one in other for one in words for other in words)


def test_the_same_rows_give_the_same_model(model) -> None:
    texts, labels, targets = invented()
    assert fit(texts, labels, targets, language="en").model.to_bytes() == model.to_bytes()


def test_a_rare_label_weighs_more_where_it_raises_the_f1_to_be_expected() -> None:
    p = np.array([[0.1, 0.1, 0.8]] * 8 + [[0.1, 0.4, 0.5]] * 2 + [[0.9, 0.05, 0.05]] * 4)
    # neutral told of nobody: its F1 is 0; told of two: 2·.8/(1.8 + 2) = .42, and positive loses less
    assert label_weights(p) == pytest.approx([1.0, 1.3, 1.0])


def test_labels_as_frequent_as_each_other_weigh_alike() -> None:
    p = np.array([[0.6, 0.3, 0.1], [0.1, 0.6, 0.3], [0.3, 0.1, 0.6], [np.nan] * 3])
    assert label_weights(p).tolist() == [1.0, 1.0, 1.0]


def test_where_nothing_is_known_of_unseen_texts_labels_weigh_alike() -> None:
    assert label_weights(np.full((4, 3), np.nan)).tolist() == [1.0, 1.0, 1.0]


def test_a_name_is_masked_and_teaches_nothing() -> None:
    texts, labels, targets = invented()
    named = fit(texts, labels, [text.split(" day")[0] for text in texts], language="en").model
    assert not any("acme" in gram or "fennick" in gram for gram in named.grams)
    assert not any(target for target in targets)


def test_each_name_of_one_headline_learns_its_own_label() -> None:
    rows = headlines("en")
    model = fit(rows.texts, rows.labels, rows.targets, language="en").model
    text = "Wexford wins contract, Pellworm loses biggest customer"
    p = model.judge(views_of([text, text], ["Wexford", "Pellworm"], ["", ""], "en")).p
    assert (p[0].argmax(), p[1].argmax()) == (2, 0)


def test_longer_words_speak_louder_beside_the_counts() -> None:
    texts, labels, targets = invented()
    texts += ["Acme profit jumps", "Beta Corp profit jumps"] * 10  # good by the counts, and labelled so
    labels += ["positive"] * 20
    targets += [None] * 20
    contrary = views_of(["Wexford profit jumps, glumfy"], [None], [""], "en")
    plain, longer = (
        fit(texts, labels, targets, language="en", lexicon_share=0.0, calibrated=False, lengths=lengths).model
        for lengths in (AS_THEY_ARE, (4.0, 4.0, 0.25))
    )
    assert longer.judge(contrary).p[0, 0] > plain.judge(contrary).p[0, 0]
    assert np.abs(longer.count_weights).max() < np.abs(plain.count_weights).max()


def test_a_heavier_label_outvotes_a_lighter_one() -> None:
    texts, labels, targets = invented()
    texts += ["Acme is wobblish"] * 4
    labels += ["negative", "negative", "positive", "positive"]
    targets += [None] * 4
    heavy = [1.0] * (len(texts) - 4)
    judge = views_of(["Acme is wobblish"], [None], [""], "en")
    bad = fit(texts, labels, targets, [*heavy, 5.0, 5.0, 1.0, 1.0], language="en").model.judge(judge).p[0]
    good = fit(texts, labels, targets, [*heavy, 1.0, 1.0, 5.0, 5.0], language="en").model.judge(judge).p[0]
    assert bad[0] > bad[2]
    assert good[2] > good[0]


def test_a_target_that_is_not_in_its_text_means_the_whole_text() -> None:
    absent, whole = views_of(["Sales rise", "Sales rise"], ["Acme", None], ["", ""], "en")
    assert absent == whole


def test_the_title_weighs_more_than_the_summary(model) -> None:
    titled, summarised = views_of(["glumfy", "zestral"], [None, None], ["zestral", "glumfy"], "en")
    p = model.judge([titled, summarised]).p
    assert p[0, 0] > p[0, 2]
    assert p[1, 2] > p[1, 0]


def test_probabilities_are_calibrated_on_texts_the_scores_did_not_see() -> None:
    texts, labels, targets = invented(12)
    shuffled = [labels[at // 3 % 3] for at in range(len(labels))]  # nothing can be learned from the words
    model = fit(texts, shuffled, targets, language="en").model
    p = model.judge(views_of(["Wexford is glumfy"], [None], [""], "en")).p[0]
    assert p.max() < 0.7


@pytest.mark.parametrize("labels", [["negative"] * 20, ["negative", "positive"] * 10, ["negative", "neutral"] * 10])
def test_too_few_labels_are_refused_with_what_was_found(labels: list[str]) -> None:
    with pytest.raises(TooFewLabels, match=r"en: found .* negative.* at least 6 of each"):
        fit(["text"] * 20, labels, language="en")


@pytest.mark.parametrize(
    ("title", "language", "expected"),
    [
        ("Acme files for bankruptcy after losses mount", "en", "negative"),
        ("Acme profit jumps to record", "en", "positive"),
        ("Acme to hold its annual meeting in May", "en", "neutral"),
        ("Acme wins order but warns of losses", "en", None),
        ("宏达电债务违约", "zh", "negative"),
        ("营收大增，创新高", "zh", "positive"),
        ("Hòa Phát báo lãi kỷ lục, vượt kế hoạch", "vi", "positive"),
    ],
)
def test_the_lexicon_labels_only_what_nothing_contradicts(title: str, language: str, expected: str | None) -> None:
    (seen,) = views_of([title], [None], [""], language)
    assert label_by_lexicon(seen) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [("Acme sued", "en"), ("宏達電遭告", "zh"), ("宏达电被告", "zh"), ("Hòa Phát bị kiện", "vi"), ("Акме", None)],
)
def test_the_language_part_is_told_by_script(text: str, part: str | None) -> None:
    assert language_part(text) == part


def test_reading_needs_no_scikit_learn() -> None:
    code = (
        "import sys; from scorers.news.read import Alias, Reader; Reader([Alias(1, 'Acme')]).read('Acme sued'); "
        "sys.exit(any(name.split('.')[0] in ('sklearn', 'scipy') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_views_hold_finite_counts() -> None:
    seen = views_of(["a" * 5000, "", "利" * 400], [None, "x", "利"], ["", "", "好" * 400], "zh")
    assert all(np.isfinite(view.counts).all() for view in seen)
