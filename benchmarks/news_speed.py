"""Measures how fast news is read in one process on one core. Run by news.py, which hands it the texts.

python benchmarks/news_speed.py ASKED.json FOUND.json
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scorers.news.copies import cluster
from scorers.news.match import Alias, Matcher, comparable
from scorers.news.model import Model
from scorers.news.read import Reader
from scorers.news.text import plain

ROUNDS = 3
"""The best of so many counts: whatever else ran on the machine only ever slows down."""

HALF = 150
"""Characters of a title in the long articles; twice that are kept of title and summary."""


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found: dict[str, Any] = {"load_seconds": loading(asked["models"])}
    began = time.process_time()
    reader = Reader([Alias(number, name) for number, name in enumerate(asked["aliases"])])
    found["build_seconds"] = time.process_time() - began
    reader.read_many([(texts[0], "", None) for texts in asked["headlines"].values()])
    found["whole_path"], found["mentions"] = whole_path(reader, asked["headlines"])
    found["peak_mb"] = peak_mb()
    found["hostile_ms"] = {
        what: 1000 * min(seconds(reader.read, text) for _ in range(ROUNDS)) for what, text in asked["hostile"].items()
    }
    found |= matching(asked["aliases"], asked["headlines"], asked["named"])
    stories = [article["text"] for article in asked["stories"]]
    found["copies"] = len(stories) / seconds(cluster, stories)
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")


def loading(folders: Mapping[str, str]) -> dict[str, float]:
    """Return the CPU seconds it takes to load the model of each language part and judge nothing with it."""
    return {part: seconds(Model.load, Path(folder), part) for part, folder in folders.items()}


def whole_path(reader: Reader, headlines: Mapping[str, Sequence[str]]) -> tuple[dict[str, float], dict[str, float]]:
    """Return articles per CPU second, and mentions per article, by language and of all."""
    rates, mentions = {}, {}
    everything = {**headlines, "all": [text for several in zip(*headlines.values(), strict=True) for text in several]}
    for language, texts in everything.items():
        sources = [(text, "", None) for text in texts]
        mentions[language] = sum(len(reading.mentions) for reading in reader.read_many(sources)) / len(sources)
        rates[language] = len(texts) / min(seconds(reader.read_many, sources) for _ in range(ROUNDS))
    return rates, mentions


def matching(
    names: Sequence[str], headlines: Mapping[str, Sequence[str]], named: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Return headlines per CPU second, and of (text, name) pairs whether that name was found among all the others."""
    matcher = Matcher([Alias(name, name) for name in names])
    cleaned = {language: [plain(text) for text in texts] for language, texts in headlines.items()}

    def find(texts: Sequence[str]) -> None:
        for text in texts:
            matcher.find(comparable(text))

    rates = {
        language: len(texts) / min(seconds(find, texts) for _ in range(ROUNDS)) for language, texts in cleaned.items()
    }
    rates["all"] = len(rates) / sum(1 / rate for rate in rates.values())
    found = [
        any(alias.partner == name for hit in matcher.find(comparable(plain(text))) for alias in hit.aliases)
        for text, name in named
    ]
    return {"matching": rates, "found": found}


def peak_mb() -> float:
    """Return the most memory this process has held. What getrusage tells includes that of whoever started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def seconds(work: Callable[..., object], *given: object) -> float:
    """Return the CPU seconds a call takes."""
    began = time.process_time()
    work(*given)
    return time.process_time() - began


if __name__ == "__main__":
    main()
