"""What is asked of reading news, and how what was measured stands to it, as a table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from news_judging import Figure

Found = dict[str, dict[str, Figure]]
"""What was measured, by what it was measured on, and by figure."""


@dataclass(frozen=True, slots=True)
class Must:
    """One line: a figure, and the least or the most it must be; neither: it is told, and nothing is asked of it."""

    quantity: str
    on: str
    figure: str
    least: float | None = None
    most: float | None = None
    digits: int = 3

    def verdict(self, value: float) -> str:
        """Say whether it is held."""
        if self.least is None and self.most is None:
            return ""
        held = (self.least is None or value >= self.least) and (self.most is None or value <= self.most)
        return "held" if held else "MISSED"


def _tone(words: str, on: str, **least: float) -> list[Must]:
    shown = {
        "macro_f1": "macro-F1",
        "precision": "negative precision",
        "recall": "negative recall",
        "negative_f1": "negative F1",
        "ap": "average precision of p(negative)",
    }
    return [Must(f"{words}: {shown[figure]}", on, figure, least.get(figure)) for figure in shown]


def _calibration(words: str, on: str, most: float | None = None) -> Must:
    return Must(f"{words}: calibration error (ECE)", on, "ece", most=most)


def _apart(words: str, on: str) -> list[Must]:
    """Return what the lexicon reaches without the model that ships, and that model without the lexicon."""
    return [Must(f"{words}, {alone} alone: macro-F1", f"{on}, {alone} alone", "macro_f1") for alone in ALONE]


ALONE = ("lexicon", "learned")

BAR = (
    *_tone("en A, headlines", "A en", macro_f1=0.55, negative_f1=0.48),
    *_apart("en A, headlines", "A en"),
    *_tone("en A, short posts", "A en posts", macro_f1=0.55, negative_f1=0.48),
    *_tone("zh-Hans A", "A zh-Hans", macro_f1=0.64, negative_f1=0.66),
    *_apart("zh-Hans A", "A zh-Hans"),
    *_tone("zh-Hant A", "A zh-Hant", macro_f1=0.66, precision=0.75, ap=0.75),
    *_tone("vi A", "A vi", macro_f1=0.60),
    *_apart("vi A", "A vi"),
    *_tone("en B, headlines", "B en", macro_f1=0.81, precision=0.83, recall=0.77),
    _calibration("en B, headlines", "B en", 0.04),
    *_tone("zh-Hans B", "B zh-Hans", macro_f1=0.77, precision=0.78, recall=0.77),
    _calibration("zh-Hans B", "B zh-Hans"),
    *_tone("zh-Hant B", "B zh-Hant"),
    Must("zh-Hant B: macro-F1 less that of zh-Hans", "B zh-Hant", "parity", -0.01, 0.01),
    *_tone("vi B", "B vi", macro_f1=0.72, recall=0.66),
    _calibration("vi B", "B vi"),
    Must("en A per entity: macro-F1", "A en entities", "macro_f1"),
    Must("en B per entity: macro-F1", "B en entities", "macro_f1", 0.79),
    Must("en B per entity, conflicting headlines: macro-F1", "B en conflicting", "macro_f1", 0.69),
    Must("zh-Hans A per entity: macro-F1", "A zh entities", "macro_f1"),
    Must("zh-Hans B per entity: macro-F1", "B zh entities", "macro_f1", 0.79),
    Must("zh-Hans B per entity, conflicting texts: macro-F1", "B zh conflicting", "macro_f1", 0.70),
    Must("events, hand-labelled headlines: precision", "events by hand", "precision", 0.75),
    Must("events, hand-labelled headlines: recall", "events by hand", "recall", 0.55),
    Must("events, zh with a named firm: precision", "events zh", "precision", 0.75),
    Must("events, zh with a named firm: recall", "events zh", "recall", 0.55),
    Must("matching, en: recall of named entities", "naming", "en", 0.975),
    Must("matching, zh: recall of named entities", "naming", "zh", 0.975),
    Must("matching untrusted among 30,000 names: recall", "naming", "crowd"),
    Must("the same, of names neither short nor everyday words", "naming", "plain"),
    Must("matching among 30,000 names: headlines/s", "speed", "matching", 10_000, digits=0),
    Must("language told right", "naming", "language"),
    Must("copies: B-cubed F", "copies", "b_cubed", 0.97),
    Must("copies: texts/s", "speed", "copies", 2_000, digits=0),
    Must("whole path, 30,000 names: articles/s", "speed", "whole_path", 1_500, digits=0),
    Must("whole path: peak memory, MB", "speed", "peak_mb", most=400, digits=0),
    Must("warden news read, whole command: articles/s", "speed", "command", digits=0),
    Must("warden news read: peak memory, MB", "speed", "command_mb", most=400, digits=0),
    Must("largest trained model, MB", "models", "megabytes", most=5, digits=2),
    Must("slowest to load, s", "models", "load", most=1, digits=2),
    Must("shipped models together, MB", "models", "shipped", digits=2),
    Must("warden news train of 20,000 rows, s of one core", "models", "refit", most=60, digits=0),
    Must("warden news train: peak memory, MB", "models", "refit_mb", digits=0),
    Must("hostile texts, the slowest, ms", "hostile", "ms", most=50, digits=0),
)


def table(found: Found, peers: Mapping[str, Found]) -> Iterator[str]:
    """Yield what was measured, line by line, beside each peer that was measured on the same."""
    yield "| quantity | must | ours | 95 % interval | peers | |"
    yield "|---|---|---|---|---|---|"
    for line in BAR:
        figure = found[line.on][line.figure]
        theirs = [
            f"{name} {shown(measured[line.on][line.figure].value, line.digits)}"
            for name, measured in peers.items()
            if line.figure in measured.get(line.on, {})
        ]
        between = ""
        if figure.low is not None and figure.high is not None:
            between = f"{shown(figure.low, line.digits)} … {shown(figure.high, line.digits)}"
        ours = shown(figure.value, line.digits)
        verdict = line.verdict(figure.value)
        yield f"| {line.quantity} | {_asked(line)} | {ours} | {between} | {', '.join(theirs)} | {verdict} |"


def missed(found: Found) -> list[str]:
    """Return the quantities that are not as they must be."""
    return [line.quantity for line in BAR if line.verdict(found[line.on][line.figure].value) == "MISSED"]


def shown(value: float, digits: int) -> str:
    """Return a value with so many digits behind the point."""
    return f"{value:,.{digits}f}"


def _asked(line: Must) -> str:
    if line.least is not None and line.most is not None:
        return f"{line.least:g} … {line.most:g}"
    if line.least is not None:
        return f"≥ {line.least:,g}"
    return f"≤ {line.most:,g}" if line.most is not None else ""
