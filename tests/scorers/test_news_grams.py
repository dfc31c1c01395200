"""N-grams: what they are in each language, and that a vocabulary finds in a view exactly those it holds."""

from collections import defaultdict
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.news.features import SUMMARY_WEIGHT, View
from scorers.news.grams import NEAR, WORD, Vocabulary, n_grams
from scorers.news.training import views_of

LANGUAGES = ("en", "zh", "vi")
WRITTEN = st.text("ab Acme宏达电盈利 lợi nhuận1٣%$@◆◇'-", max_size=30)


def seen_from_acme(title: str, summary: str, language: str) -> View:
    return views_of([title], ["Acme"], [summary], language)[0]


def strengths_of(view: View, grams: list[str], language: str) -> dict[str, float]:
    """What `Vocabulary.rows` tells, counted one by one."""
    counts: defaultdict[str, float] = defaultdict(float)
    for text, before, weight in ((view.title, "", 1.0), (view.summary, "", SUMMARY_WEIGHT), (view.near, NEAR, 1.0)):
        for gram in n_grams(text, language):
            counts[before + gram] += weight
    held = {gram: count for gram, count in counts.items() if gram in set(grams)}
    return {gram: 1 + log(count) if count > 1 else count for gram, count in held.items()}


def test_english_has_words_pairs_of_them_and_two_to_five_characters() -> None:
    assert sorted(n_grams("◆ up 7", "en")) == sorted(
        [
            *(f"{WORD}◆", f"{WORD}up", f"{WORD}0", f"{WORD}◆ up", f"{WORD}up 0"),
            *(" ◆", "◆ ", " u", "up", "p ", " 0", "0 "),
            *(" ◆ ", "◆ u", " up", "up ", "p 0", " 0 "),
            *(" ◆ u", "◆ up", " up ", "up 0", "p 0 "),
            *(" ◆ up", "◆ up ", " up 0", "up 0 "),
        ]
    )


def test_chinese_has_one_to_four_characters_across_spaces_and_no_words() -> None:
    assert n_grams("◆ 盈利", "zh") == ["◆", "盈", "利", "◆盈", "盈利", "◆盈利"]


@pytest.mark.parametrize("language", LANGUAGES)
@given(WRITTEN, WRITTEN, st.integers(1, 3))
def test_a_vocabulary_finds_exactly_the_n_grams_it_holds(language: str, title: str, summary: str, every: int) -> None:
    view = seen_from_acme(f"{title} Acme", summary, language)
    there = [*n_grams(view.title, language), *n_grams(view.summary, language)]
    near = [NEAR + gram for gram in n_grams(view.near, language)]
    grams = sorted({*there, *near, "never said", NEAR + "never"})[::every]
    rows = Vocabulary(grams, language).rows([view, view])
    expected = strengths_of(view, grams, language)
    for at in (0, 1):
        own = rows.row == at
        told = dict(zip((grams[place] for place in rows.gram[own]), rows.strength[own].tolist(), strict=True))
        assert told == pytest.approx(expected)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_no_text_is_cut_into_is_never_found(language: str) -> None:
    view = seen_from_acme("Acme " + "利" * 40, "", language)
    hostile = ["", "利" * 30, "◆" + "利" * 9, NEAR, WORD, "\ud800", NEAR + "利" * 30]
    assert len(Vocabulary(hostile, language).rows([view]).gram) == 0
    assert len(Vocabulary([], language).rows([view]).gram) == 0


def test_some_of_the_n_grams_keep_their_strength_and_take_new_places() -> None:
    view = seen_from_acme("Acme up", "", "en")
    grams = sorted(n_grams(view.title, "en"))
    kept = np.array([1, 4, 5])
    some = Vocabulary(grams, "en").rows([view]).only(kept)
    again = Vocabulary([grams[place] for place in kept], "en").rows([view])
    assert some.gram.tolist() == again.gram.tolist() == [0, 1, 2]
    assert some.strength.tolist() == again.strength.tolist()
