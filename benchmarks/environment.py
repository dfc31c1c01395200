"""The environment of their own in which a benchmark's peers run, so that Warden never imports them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def python_with(modules: Sequence[str], needed: Sequence[str]) -> Path:
    """Return the Python of .bench/, made where it is missing, in which these modules can be imported.

    `needed`: what is installed where one of them cannot be.
    """
    python = ROOT / ".bench" / "bin" / "python"
    if not python.exists():
        say("making .bench/ …")
        subprocess.run([sys.executable, "-m", "venv", ROOT / ".bench"], check=True)
    if subprocess.run([python, "-c", f"import {', '.join(modules)}"], check=False, capture_output=True).returncode:
        say(f"installing {', '.join(needed)} into .bench/ …")
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), *needed], check=True)
    return python


def say(text: str) -> None:
    """Show progress."""
    print(text, file=sys.stderr, flush=True)
