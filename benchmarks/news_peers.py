"""Judges texts with packages anybody can install. Runs in .bench/, imports nothing of Warden.

python benchmarks/news_peers.py TEXTS.json ANSWERS.json

TEXTS.json: {"en": [text, …], "zh": […]}. ANSWERS.json: {"VADER": {"language": "en", "seconds": CPU seconds, "answers":
[[label, score], …]}, …}; the score rises with how negative. Thresholds are those of each package's own documentation.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from afinn import Afinn
from cnsenti import Sentiment
from snownlp import SnowNLP
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

Answer = tuple[str, float]


def vader() -> Callable[[str], Answer]:
    analyzer = SentimentIntensityAnalyzer()
    return lambda text: _by_bounds(analyzer.polarity_scores(text)["compound"], -0.05, 0.05)


def afinn() -> Callable[[str], Answer]:
    scorer = Afinn(language="en")
    return lambda text: _by_bounds(scorer.score(text), -0.5, 0.5)


def snownlp() -> Callable[[str], Answer]:
    return lambda text: _by_bounds(SnowNLP(text).sentiments if text.strip() else 0.5, 0.4, 0.6)


def cnsenti() -> Callable[[str], Answer]:
    counter = Sentiment()

    def answer(text: str) -> Answer:
        counted = counter.sentiment_count(text)
        return _by_bounds(counted["pos"] - counted["neg"], -0.5, 0.5)

    return answer


PEERS = {"VADER": ("en", vader), "AFINN": ("en", afinn), "SnowNLP": ("zh", snownlp), "cnsenti": ("zh", cnsenti)}


def _by_bounds(score: float, low: float, high: float) -> Answer:
    return "negative" if score <= low else "positive" if score >= high else "neutral", -float(score)


def main() -> None:
    warnings.simplefilter("ignore")
    texts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found = {}
    for name, (language, make) in PEERS.items():
        judge = make()
        judge(texts[language][0])  # what is loaded at first use is no part of the speed
        began = time.process_time()
        answers = [judge(text) for text in texts[language]]
        found[name] = {"language": language, "seconds": time.process_time() - began, "answers": answers}
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
