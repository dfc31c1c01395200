"""Measures how well and how fast news is read, beside the peers, on labelled news that lies outside the project.

python benchmarks/news.py FOLDER [--python PYTHON] [--answers FILE]

FOLDER holds data/news/ (labelled headlines; see docs/benchmarks.md). Tone, names, events and copies are judged through
`warden news read|train|copies`. A: as shipped. B: trained on some folds of the texts and judged on the one left out,
every fold in its turn; folds are drawn by a hash of the text. PYTHON has the peers; without it an environment of their
own is made in .bench/. FILE keeps what the peers answered: they take minutes and say the same every time. Exit status
1 where something that must be held is not.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import news_commands as commands
import news_texts as texts
from environment import ROOT, python_with, say
from news_bar import Found, missed, table
from news_judging import Figure, b_cubed, of_events, share
from news_tone import ENTITIES, WHOLE, Told, ToneJudge, sizes

from scorers.news.ambiguity import ambiguity

PEERS = ("afinn", "cnsenti", "snownlp", "vaderSentiment")
"""What the environment of the peers must be able to import."""

EACH = 2_000
"""Headlines of each language by which speed is measured."""

REFIT = 20_000
STORIES = {"en": ("en_sentfin_train", 2_500), "zh": ("zh_cfsc_train", 1_500), "vi": ("vi_cafef_train", 595)}
EVENTS_ZH = 4_000

_FRAUD, _BROKE = "fraud_investigation", "insolvency"
_ALIKE = (
    ("信批违规 交易违规 涉嫌非法集资 涉嫌违法 财务造假 涉嫌传销 涉嫌欺诈", {_FRAUD}),
    ("实控人股东变更 重组失败", {"mna"}),
    ("不能履职 高管负面", {"exec_departure", _FRAUD}),
    ("提现困难 失联跑路 资产负面", {_BROKE, _FRAUD}),
    ("评级调整", {"downgrade"}),
    ("业绩下滑", {"profit_warning"}),
    ("资金账户风险", {_BROKE, "breach"}),
    ("投诉维权", {"lawsuit", _FRAUD, "recall", "strike"}),
    ("产品违规", {"recall", _FRAUD}),
    ("歇业停业", {"closure", _BROKE, _FRAUD}),
)
EVENT_OF = {theirs: ours for several, ours in _ALIKE for theirs in several.split()}
"""Which of our types is right where others labelled theirs. Their "other" is left out: it holds many types of ours."""


def main() -> None:
    """Measure everything, and print it beside the peers and the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", type=Path, help="has the peers")
    parser.add_argument("--answers", type=Path, help="the peers' of an earlier run; written where it is missing")
    arguments = parser.parse_args()
    data = arguments.folder / "data" / "news"
    python = arguments.python or python_with(PEERS, peers_needed())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told, rates = ask_peers(python, data, folder, arguments.answers)
        tone = ToneJudge(data, folder, told)
        tone.measure()
        tone.found |= events(data, folder)
        stories = texts.syndicated(stories_of(data))
        tone.found["copies"] = copies(stories, folder)
        measure_speed(tone, data, folder, stories)
        for peer, rate in rates.items():
            tone.peers[peer]["speed"] = {"whole_path": Figure(rate)}
        found, peers = tone.found, tone.peers
    print("\n".join(["", *table(found, peers), ""]))
    sys.exit("Missed: " + "; ".join(lost) if (lost := missed(found)) else 0)


def peers_needed() -> list[str]:
    """Return the peers as the extra "peers" pins them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["project"]["optional-dependencies"]["peers"])


def ask_peers(
    python: Path, data: Path, folder: Path, kept: Path | None = None
) -> tuple[dict[str, tuple[str, Told]], dict[str, float]]:
    """Return each peer's language part with its answers by text, and its texts per CPU second.

    `kept`: the answers of an earlier run on the same texts, or where to keep them.
    """
    say("the peers …")
    asked: dict[str, list[str]] = {"en": [], "zh": [], "vi": []}
    for name, (file, part) in (WHOLE | ENTITIES).items():
        found = [one.text for one in texts.labelled(data, file)]
        asked[part] += found + ([texts.traditional(text) for text in found] if name == "zh-Hans" else [])
    asked = {part: list(dict.fromkeys(found)) for part, found in asked.items()}
    given, answered = folder / "asked.json", kept or folder / "answered.json"
    if not answered.exists():
        given.write_text(json.dumps(asked), encoding="utf-8")
        command = [python, ROOT / "benchmarks" / "news_peers.py", given, answered]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env=commands.one_thread())
    gave = json.loads(answered.read_text(encoding="utf-8"))
    told: dict[str, tuple[str, Told]] = {
        name: (one["language"], dict(zip(asked[one["language"]], one["answers"], strict=True)))
        for name, one in gave.items()
    }
    return told, {name: len(one["answers"]) / one["seconds"] for name, one in gave.items()}


def events(data: Path, folder: Path) -> Found:
    """Return precision and recall of event types: every type told counts, the one that was labelled once."""
    say("events …")
    by_hand = texts.rows(data, "events_handlabelled")
    asked = [{"id": number, "text": row["text"]} for number, row in enumerate(by_hand)]
    right = [set() if row["label"] == "none" else {row["label"]} for row in by_hand]
    known = [row for row in texts.rows(data, "zh_finese_event_train") if row["event"] in EVENT_OF]
    known = [row for row in known if row["entity"] != "NaN" and texts.fold_of(row["text"], 2) == 0][:EVENTS_ZH]
    named = [
        {"id": number, "text": row["text"], "partners": [{"name": row["entity"]}]} for number, row in enumerate(known)
    ]
    return {
        "events by hand": _events(asked, right, folder),
        "events zh": _events(named, [EVENT_OF[row["event"]] for row in known], folder),
    }


def _events(asked: Sequence[dict[str, Any]], right: Sequence[set[str]], folder: Path) -> dict[str, Figure]:
    told, _ = commands.read(asked, folder)
    types = [{event["type"] for event in reading["events"]} for reading in told]
    hit = [int(bool(said & true)) for said, true in zip(types, right, strict=True)]
    false = [len(said - true) for said, true in zip(types, right, strict=True)]
    lost = [int(bool(true) and not said & true) for said, true in zip(types, right, strict=True)]
    return of_events([article["text"] for article in asked], hit, false, lost)


def stories_of(data: Path) -> dict[str, list[str]]:
    """Return the stories of which variants are made, each once."""
    return {
        language: list(dict.fromkeys(one.text[:300] for one in texts.labelled(data, file)))[:count]
        for language, (file, count) in STORIES.items()
    }


def copies(stories: Sequence[dict[str, Any]], folder: Path) -> dict[str, Figure]:
    """Return how well copies are found."""
    say("copies …")
    clusters, _ = commands.copies([{"id": one["id"], "text": one["text"]} for one in stories], folder)
    return {"b_cubed": Figure(b_cubed(clusters, [one["story"] for one in stories]))}


def measure_speed(tone: ToneJudge, data: Path, folder: Path, stories: Sequence[dict[str, Any]]) -> None:
    """Add speed, memory, sizes, the names found among many, and what hostile texts cost."""
    say("speed …")
    headlines, hostile = texts.mixed(data, EACH), texts.hostile()
    pairs = [(one.text, one.entity) for file, _ in ENTITIES.values() for one in texts.labelled(data, file)]
    asked = {
        "models": {part: str(folders[-1]) for part, folders in tone.models.items()},
        "aliases": ["Acme", *texts.aliases(data)],
        "headlines": headlines,
        "hostile": hostile,
        "stories": stories,
        "named": pairs,
    }
    given, answered = folder / "speed.json", folder / "rates.json"
    given.write_text(json.dumps(asked), encoding="utf-8")
    command = [sys.executable, str(ROOT / "benchmarks" / "news_speed.py"), str(given), str(answered)]
    subprocess.run(command, check=True, env={**commands.one_thread(), "PYTHONPATH": str(ROOT)})
    took = json.loads(answered.read_text(encoding="utf-8"))
    for what, rates in (("whole path", took["whole_path"]), ("matching", took["matching"])):
        say(f"  {what}: " + ", ".join(f"{language} {rate:,.0f}/s" for language, rate in rates.items()))
    say("  mentions an article: " + ", ".join(f"{language} {many:.1f}" for language, many in took["mentions"].items()))
    say("  hostile: " + ", ".join(f"{what} {ms:.0f} ms" for what, ms in took["hostile_ms"].items()))
    say("warden news read of everything, and of hostile texts …")
    everything = [{"id": text, "text": text} for several in headlines.values() for text in several]
    _, reading = commands.read(everything, folder)
    partners = [{"name": "Acme"}]
    commands.read([{"id": what, "text": text, "partners": partners} for what, text in hostile.items()], folder)
    plain = [ambiguity(name) is None for _, name in pairs]
    for what, counted in (("crowd", [True] * len(pairs)), ("plain", plain)):
        kept = [
            (text, found) for (text, _), found, is_kept in zip(pairs, took["found"], counted, strict=True) if is_kept
        ]
        tone.found["naming"][what] = share([text for text, _ in kept], [found for _, found in kept])
    tone.found["hostile"] = {"ms": Figure(max(took["hostile_ms"].values()))}
    tone.found["speed"] = {
        "whole_path": Figure(took["whole_path"]["all"]),
        "matching": Figure(took["matching"]["all"]),
        "copies": Figure(took["copies"]),
        "peak_mb": Figure(took["peak_mb"]),
        "command": Figure(len(everything) / reading.cpu_seconds),
        "command_mb": Figure(reading.peak_mb),
    }
    say(f"warden news train of {REFIT:,} rows …")
    rows = [[one.label, one.text, one.entity] for one in texts.to_refit(data, REFIT)]
    refit = commands.train(rows, ("label", "text", "entity"), folder, folder / "refit")
    tone.models.setdefault("en", []).append(folder / "refit")
    tone.found["models"] = {
        **sizes(tone.models, ROOT / "scorers" / "news" / "models"),
        "load": Figure(max(took["load_seconds"].values())),
        "refit": Figure(refit.cpu_seconds),
        "refit_mb": Figure(refit.peak_mb),
    }


if __name__ == "__main__":
    main()
