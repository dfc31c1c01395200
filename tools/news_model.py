"""Rebuild the models of tone that ship from the invented headlines; `--check` says whether they are out of date."""

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scorers.news.invented import headlines  # noqa: E402
from scorers.news.model import Model  # noqa: E402
from scorers.news.training import AS_THEY_ARE, fit, views_of  # noqa: E402

NEWS = ROOT / "scorers" / "news"
MODELS = NEWS / "models"
LANGUAGES = ("en", "zh", "vi")
LEXICON_SHARE = 0.8
"""Three hundred headlines teach less than the lexicon knows: measured in docs/news.md."""


def digest(language: str) -> str:
    """Return a fingerprint of what a model is made from: the headlines as they are seen. A test watches the rest."""
    rows = headlines(language)
    views = views_of(rows.texts, rows.targets, [""] * len(rows.texts), language)
    seen = [(view.title, view.near, view.counts, view.by_lexicon()) for view in views]
    return hashlib.sha256(repr((seen, rows.labels, LEXICON_SHARE)).encode()).hexdigest()[:16]


def build(language: str) -> Model:
    """Train the model of one language part."""
    rows = headlines(language)
    made_from = digest(language)
    return fit(
        rows.texts,
        rows.labels,
        rows.targets,
        language=language,
        lexicon_share=LEXICON_SHARE,
        calibrated=False,  # invented headlines are clearer than real ones: it would learn to be too sure
        source=made_from,
        lengths=AS_THEY_ARE,
    ).model


def main() -> int:
    """Rebuild, or with --check compare fingerprints; return the exit status."""
    if sys.argv[1:] == ["--check"]:
        stale = [one for one in LANGUAGES if Model.load(MODELS, one).trained_on.get("source") != digest(one)]
        for one in stale:
            print(f"scorers/news/models/{one}.npz is out of date: run tools/news_model.py")
        return 1 if stale else 0
    MODELS.mkdir(exist_ok=True)
    for language in LANGUAGES:
        model = build(language)
        model.save(MODELS)
        print(f"{language}: {len(model.grams):,} n-grams, {(MODELS / f'{language}.npz').stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
