"""The Dockerfile's own steps, run in virtual environments outside the checkout: nothing here can build an image.

Only what others wrote is not installed once more: a virtual environment sees, of the packages around the tests, those
that are required by what was installed in it, and no others.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".*_cache", ".venv", ".demo", ".hypothesis", "tests", "docs", "benchmarks", "*.db*"
)

pytestmark = pytest.mark.slow


def steps_of_the_build_stage() -> list[str]:
    """Return the RUN steps of the Dockerfile's first stage, in order."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    build = dockerfile.split("\nFROM ")[1]
    return re.findall(r"^RUN (.+)$", build.replace("\\\n", " "), re.MULTILINE)


def with_what_they_require(wanted: list[str]) -> set[str]:
    """Return these packages, which may name extras, and what they require, and what those require, and so on."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(one) for one in wanted]
    while waiting:
        one = waiting.pop()
        for place in {(canonicalize_name(one.name), extra) for extra in ("", *one.extras)} - found:
            found.add(place)
            assert one.specifier.contains(distribution(one.name).version), one
            required = map(Requirement, distribution(one.name).requires or ())
            waiting += [each for each in required if not each.marker or each.marker.evaluate({"extra": place[1]})]
    return {name for name, _extra in found}


def required_by_warden() -> list[str]:
    """Return what the checkout says the image's Warden requires."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["postgresql"]]


def link(names: set[str], folder: Path) -> Path:
    """Make a folder where nothing but these packages can be imported from; return it."""
    folder.mkdir()
    for one in map(distribution, names):
        for top in {path.parts[0] for path in one.files or ()} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(one.locate_file(top))))
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Follow the steps with /opt and /dist moved into a temporary folder; return the folder of the commands."""
    folder = tmp_path_factory.mktemp("image")
    shutil.copytree(ROOT, folder / "src", ignore=NOT_COPIED)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PIP_NO_DEPS": "1"}
    environment.pop("PYTHONPATH", None)
    seen = {
        "build": link(with_what_they_require(["build", "hatchling"]), folder / "for-build"),
        "warden": link(with_what_they_require(required_by_warden()), folder / "for-warden"),
    }
    for step in steps_of_the_build_stage():
        moved = re.sub(r"(?<![\w.])/(opt|dist)\b", rf"{folder}/\1", step)
        ended = subprocess.run(
            moved, shell=True, cwd=folder / "src", env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, f"{moved}\n{ended.stdout}\n{ended.stderr}"
        for packages in folder.glob("opt/*/lib/python*/site-packages"):
            name = packages.relative_to(folder / "opt").parts[0]
            (packages / "required.pth").write_text(f"{seen[name]}\n", encoding="utf-8")
    return folder / "opt" / "warden" / "bin"


@pytest.fixture(scope="module")
def upgraded(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database that the installed `warden` makes."""
    folder = tmp_path_factory.mktemp("upgraded")
    ended = run(installed, folder, "db", "upgrade")
    assert ended.returncode == 0, ended.stderr
    assert "Upgraded" in ended.stdout
    return folder


def run(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed `warden` in an empty folder, with the image's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WARDEN_", "PYTHON"))}
    settings = {"WARDEN_DATABASE_URL": f"sqlite:///{cwd}/warden.db", "WARDEN_SECRET_KEY_FILE": f"{cwd}/warden.key"}
    return subprocess.run(
        [installed / "warden", *arguments], cwd=cwd, env=kept | settings, capture_output=True, text=True, check=False
    )


def test_all_that_the_image_installs_is_pinned_as_it_is_seen_here() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {
        canonicalize_name(one.name): one for one in map(Requirement, lines) if not one.marker or one.marker.evaluate()
    }
    for name in with_what_they_require(["build", "hatchling", *required_by_warden()]):
        assert pins[name].specifier == SpecifierSet(f"=={distribution(name).version}")


def test_the_installed_wheel_upgrades_a_database_and_examines_it(
    installed: Path, upgraded: Path, tmp_path: Path
) -> None:
    shutil.copytree(upgraded, tmp_path, dirs_exist_ok=True)
    doctor = run(installed, tmp_path, "doctor")
    assert "ok   migrations" in doctor.stdout
    assert "BAD  clock: has not run yet" in doctor.stdout


def test_the_installed_wheel_walks_the_road_and_makes_pages(installed: Path, upgraded: Path, tmp_path: Path) -> None:
    shutil.copytree(upgraded, tmp_path, dirs_exist_ok=True)
    walked = run(installed, tmp_path, "tick")
    assert walked.returncode == 0, walked.stderr
    assert "notify" in walked.stdout
    code = "from warden.web import app, templating; import warden; print(warden.__file__)"
    imported = subprocess.run(
        [installed / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert imported.returncode == 0, imported.stderr
    assert str(installed.parent) in imported.stdout


def test_the_wheel_holds_what_is_not_python(installed: Path) -> None:
    package = next((installed.parent / "lib").glob("python*/site-packages/warden"))
    for path in ("migrations/env.py", "shipped/rules.json", "web/templates", "web/static", "locale"):
        assert (package / path).exists(), path
    assert list((package / "migrations" / "versions").glob("0001*.py"))


def test_the_image_runs_as_nobody_in_particular_and_reports_its_health() -> None:
    final = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")[2]
    assert "\nUSER warden\n" in final
    assert "\nHEALTHCHECK " in final
    assert "\nVOLUME /data\n" in final
    assert '\nCMD ["warden", "serve"]' in final
