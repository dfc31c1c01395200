"""The training headlines that ship: invented, about invented firms, each labelled towards every firm it names."""

import re
from dataclasses import dataclass, field
from importlib.resources import files

from scorers.news.model import LABELS

_LABEL_OF = dict(zip("-=+", LABELS, strict=True))
_NAMED = re.compile(r"\{([-=+])([^{}]+)\}")


@dataclass
class Headlines:
    """Rows to train on, as lists of the same length. Target None: the label is of the whole text."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    targets: list[str | None] = field(default_factory=list)

    def add(self, text: str, label: str, target: str | None) -> None:
        """Add one row."""
        self.texts.append(text)
        self.labels.append(label)
        self.targets.append(target)


def headlines(language: str) -> Headlines:
    """Return the headlines of one language part ("en", "zh", "vi").

    One that is the same news for everybody it names is also a row of its whole text.
    """
    rows = Headlines()
    written = files("scorers.news").joinpath("headlines", f"{language}.txt").read_text("utf-8")
    for line in written.splitlines():
        if not line.startswith("#"):
            _add(line, rows)
    return rows


def _add(line: str, rows: Headlines) -> None:
    named = _NAMED.findall(line)
    if not named:
        rows.add(line[1:].strip(), _LABEL_OF[line[0]], None)
        return
    text = _NAMED.sub(r"\2", line)
    for mark, name in named:
        rows.add(text, _LABEL_OF[mark], name)
    if len({mark for mark, _ in named}) == 1:
        rows.add(text, _LABEL_OF[named[0][0]], None)
