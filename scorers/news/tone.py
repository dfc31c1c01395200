"""How a text speaks: negative, neutral or positive, from counts of lexicon phrases and events. No training."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from scorers.news.events import Trigger, clear_false_friends, taxonomy

PRIOR = (0.2, 0.6, 0.2)
"""Pseudo-counts of negative, neutral and positive: what is believed of a text without any evidence."""

EVENT_WEIGHT = 2.0
"""A bad event counts as this many negative phrases."""

MOST_COUNTED = 3
"""More phrases than this of one tone add nothing: a headline is not surer for being wordy."""


@dataclass(frozen=True, slots=True)
class Tone:
    """Three probabilities that sum to 1, and the phrases that decided."""

    p_negative: float
    p_neutral: float
    p_positive: float
    phrases: tuple[str, ...]

    @property
    def uncertain(self) -> bool:
        """Whether no tone reaches one half."""
        return max(self.p_negative, self.p_neutral, self.p_positive) < 0.5


UNREAD = Tone(*PRIOR, phrases=())
"""What is said of a text in a language without a lexicon."""


def tone_of(text: str, lexicon: str, triggers: Sequence[Trigger]) -> Tone:
    """Return the posterior mean of a Dirichlet prior after the phrases found: (count + PRIOR) / (total + 1)."""
    good, bad = _patterns(lexicon)
    positive = [m[0] for m in good.finditer(text)]
    negative = [m[0] for m in bad.finditer(clear_false_friends(text, lexicon))]
    hard = any(trigger.event.hard for trigger in triggers)
    for_negative = min(len(negative), MOST_COUNTED) + EVENT_WEIGHT * hard
    for_positive = min(len(positive), MOST_COUNTED)
    total = for_negative + for_positive + sum(PRIOR)
    shares = ((for_negative + PRIOR[0]) / total, PRIOR[1] / total, (for_positive + PRIOR[2]) / total)
    return Tone(*shares, phrases=tuple(dict.fromkeys(negative if for_negative >= for_positive else positive)))


@lru_cache(maxsize=3)
def _patterns(lexicon: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    tone = taxonomy()["tone"]
    edge = ("(?<!\\w)", "(?!\\w)") if lexicon == "vi" else ("", "")
    good, bad = (re.compile(f"{edge[0]}(?:{tone[side][lexicon]}){edge[1]}", re.I) for side in ("positive", "negative"))
    return good, bad
