"""What is generated from the code is up to date."""

import subprocess
import sys
from pathlib import Path

import pytest

from warden.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", [["tools/settings_table.py", "--check"], ["tools/budgets.py"]])
def test_generated_pages_and_budgets_hold(command: list[str]) -> None:
    ended = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_pins_hold_no_addresses() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in pins
    assert all("==" in line for line in pins.splitlines())


def test_make_has_at_most_ten_targets_and_help_lists_each() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert len(phony) <= 10
    assert all(f"make {target} " in listed for target in phony)
