"""The Dockerfile's own steps, run in virtual environments outside the checkout: nothing here can build an image."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Follow the steps with /opt and /dist moved into a temporary folder; return the folder of the commands."""
    folder = tmp_path_factory.mktemp("image")
    shutil.copytree(ROOT, folder / "src", ignore=NOT_COPIED)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    for step in steps_of_the_build_stage():
        moved = re.sub(r"(?<![\w.])/(opt|dist)\b", rf"{folder}/\1", step)
        ended = subprocess.run(
            moved, shell=True, cwd=folder / "src", env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, f"{moved}\n{ended.stdout}\n{ended.stderr}"
    return folder / "opt" / "warden" / "bin"


def run(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed `warden` in an empty folder, with the image's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WARDEN_", "PYTHON"))}
    settings = {"WARDEN_DATABASE_URL": f"sqlite:///{cwd}/warden.db", "WARDEN_SECRET_KEY_FILE": f"{cwd}/warden.key"}
    return subprocess.run(
        [installed / "warden", *arguments], cwd=cwd, env=kept | settings, capture_output=True, text=True, check=False
    )


def test_the_installed_wheel_upgrades_a_database_and_examines_it(installed: Path, tmp_path: Path) -> None:
    upgraded = run(installed, tmp_path, "db", "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    assert "Upgraded" in upgraded.stdout
    doctor = run(installed, tmp_path, "doctor")
    assert "ok   migrations" in doctor.stdout
    assert "BAD  clock: has not run yet" in doctor.stdout


def test_the_installed_wheel_walks_the_road_and_makes_pages(installed: Path, tmp_path: Path) -> None:
    assert run(installed, tmp_path, "db", "upgrade").returncode == 0
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
