"""Judges tone: as shipped, and trained on folds of the texts and judged on the fold left out; beside the peers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import news_commands as commands
import news_texts as texts
import numpy as np
from environment import say
from news_bar import Found
from news_judging import Answers, Figure, answers_of, difference, judged, places, share
from news_texts import Labelled

from scorers.news.model import Model
from scorers.news.read import judge_many, shipped_models

FOLDS = {"en": 2, "zh": 2, "vi": 5}
"""Of few texts, more are left to train on."""

WHOLE = {
    "en": ("en_sentfin_train", "en"),
    "en posts": ("en_tfns_train", "en"),
    "zh-Hans": ("zh_cfsc_train", "zh"),
    "vi": ("vi_cafef_train", "vi"),
}
"""Texts labelled as a whole: file and language part."""

ENTITIES = {"en entities": ("en_sentfin_entity_train", "en"), "zh entities": ("zh_cfsc_entity_train", "zh")}
"""Texts labelled per entity."""

SPOKEN = {"en": "en", "en posts": "en", "zh-Hans": "zh-Hans", "zh-Hant": "zh-Hant", "vi": "vi"}

NOBODY = ("neutral", (0.0, 1.0, 0.0))
"""What is taken as the answer where a name was not found in its text."""

Told = Mapping[str, tuple[str, float]]
"""A peer's answers by text: label and a score that rises with how negative."""


@dataclass
class ToneJudge:
    """Measures into `found` and `peers`. `told`: each peer's language part and its answers."""

    data: Path
    folder: Path
    told: Mapping[str, tuple[str, Told]]
    found: Found = field(default_factory=dict)
    peers: dict[str, Found] = field(default_factory=dict)
    models: dict[str, list[Path]] = field(default_factory=dict)  # trained ones by language part
    languages: list[tuple[str, bool]] = field(default_factory=list)  # text, and whether its language was told right
    _last: list[tuple[str, Sequence[float]]] = field(default_factory=list)  # of the rows read last: label, p of each
    _answered: list[bool] = field(default_factory=list)  # and whether whom they are about was found

    def measure(self) -> None:
        """Measure everything."""
        for name, (file, part) in WHOLE.items():
            self._whole(name, texts.labelled(self.data, file), part)
        for name, (file, part) in ENTITIES.items():
            self._entities(name, texts.labelled(self.data, file), part)
        asked, right = zip(*self.languages, strict=True)
        self.found.setdefault("naming", {})["language"] = share(asked, right)

    def _whole(self, name: str, rows: Sequence[Labelled], part: str) -> None:
        say(f"{name}: as shipped …")
        self._judge(f"A {name}", self._read(rows, None, SPOKEN[name]), part)
        self._judge(f"A {name}, lexicon alone", self._alone(rows, {}), part)
        self._judge(f"A {name}, learned alone", self._alone(rows, unaided(shipped_models()[part])), part)
        other = texts.in_traditional(rows) if name == "zh-Hans" else []
        if other:
            self._judge("A zh-Hant", self._read(other, None, "zh-Hant"), part)
        if name == "en posts":  # nothing is asked of a model trained on them
            return
        say(f"{name}: trained …")
        folders = self._train(name, rows, part)
        answers = self._by_fold(rows, rows, folders)
        self._judge(f"B {name}", answers, part)
        if other:
            converted = self._by_fold(other, rows, folders)
            self._judge("B zh-Hant", converted, part)
            self.found["B zh-Hant"]["parity"] = difference(converted, answers)

    def _entities(self, name: str, rows: Sequence[Labelled], part: str) -> None:
        say(f"{name}: as shipped …")
        answers = self._read(rows, None)
        self._judge(f"A {name}", answers, part)
        self.found.setdefault("naming", {})[part] = share(answers.texts, self._answered)
        say(f"{name}: trained …")
        answers = self._by_fold(rows, rows, self._train(name, rows, part))
        self._judge(f"B {name}", answers, part)
        several = texts.conflicting(rows)
        clashing = np.array([one.text in several for one in rows])
        self._judge(f"B {part} conflicting", answers.only(clashing), part)

    def _train(self, name: str, rows: Sequence[Labelled], part: str) -> list[Path]:
        """Train a model on all but each fold."""
        columns = ("label", "text", "entity") if rows[0].entity else ("label", "text")
        folders = []
        for fold in range(FOLDS[part]):
            out = self.folder / f"{name} {fold}"
            kept = [one for one in rows if texts.fold_of(one.text, FOLDS[part]) != fold]
            commands.train([[getattr(one, column) for column in columns] for one in kept], columns, self.folder, out)
            folders.append(out)
        self.models.setdefault(part, []).extend(folders)
        return folders

    def _by_fold(self, rows: Sequence[Labelled], split: Sequence[Labelled], folders: Sequence[Path]) -> Answers:
        """Read each row with the model that did not see its text; `split`: the same rows as they were trained on."""
        fold = np.array([texts.fold_of(one.text, len(folders)) for one in split])
        answered = [NOBODY] * len(rows)
        for at, folder in enumerate(folders):
            places_ = np.flatnonzero(fold == at).tolist()
            self._read([rows[place] for place in places_], folder)
            for place, answer in zip(places_, self._last, strict=True):
                answered[place] = answer
        return _answers(rows, answered)

    def _read(self, rows: Sequence[Labelled], model: Path | None, spoken: str = "") -> Answers:
        """Read the texts of these rows, each once with everybody its rows are about."""
        asked = texts.articles_of(rows)
        told, _ = commands.read(asked, self.folder, model)
        answered: dict[tuple[str, str], tuple[str, Sequence[float]]] = {}
        for article, reading in zip(asked, told, strict=True):
            for one in (reading, *reading["partners"]):
                key = (article["text"], one.get("name", ""))
                answered[key] = one["label"], [one[f"p_{label}"] for label in ("negative", "neutral", "positive")]
            if spoken:
                self.languages.append((article["text"], reading["language"] == spoken))
        self._answered = [(one.text, one.entity) in answered for one in rows]
        self._last = [answered.get((one.text, one.entity), NOBODY) for one in rows]
        return _answers(rows, self._last)

    def _alone(self, rows: Sequence[Labelled], models: Mapping[str, Model]) -> Answers:
        """Judge the texts by these models, or by the lexicon where there is none."""
        read = judge_many([(one.text, "", None) for one in rows], models)
        return _answers(rows, [(one.label, (one.p_negative, one.p_neutral, one.p_positive)) for one in read])

    def _judge(self, name: str, answers: Answers, part: str) -> None:
        self.found[name] = judged(answers)
        for peer, (language, told) in self.told.items():
            if language == part:
                labels, scores = zip(*(told[text] for text in answers.texts), strict=True)
                theirs = Answers(answers.texts, answers.wanted, places(labels), np.array(scores, dtype=np.float64))
                self.peers.setdefault(peer, {})[name] = judged(theirs)


def _answers(rows: Sequence[Labelled], answered: Sequence[tuple[str, Sequence[float]]]) -> Answers:
    told, p = [label for label, _ in answered], [chances for _, chances in answered]
    return answers_of([one.text for one in rows], [one.label for one in rows], told, p)


def unaided(model: Model) -> dict[str, Model]:
    """Return the model without what the lexicon has to say beside it."""
    return {model.language: replace(model, lexicon_share=0.0)}


def sizes(models: Mapping[str, Sequence[Path]], shipped: Path) -> dict[str, Figure]:
    """Return how large the largest trained model is, and all that ship together, in megabytes."""
    each = [
        sum(path.stat().st_size for path in folder.glob(f"{part}.*")) / 1e6
        for part, folders in models.items()
        for folder in folders
    ]
    together = sum(path.stat().st_size for path in shipped.iterdir()) / 1e6
    return {"megabytes": Figure(max(each)), "shipped": Figure(together)}
