"""Makes a virtual environment, or says in one sentence what is missing. Old Pythons must be able to read this file."""
# ruff: noqa: UP031, UP036, PTH110, PTH118, PLC0415

import os
import subprocess
import sys


def main(folder):  # type: ignore[no-untyped-def]
    """Make `folder` unless it is there; exit with a sentence when this Python cannot."""
    version = "%d.%d" % sys.version_info[:2]
    if sys.version_info < (3, 11):
        sys.exit("Warden needs Python 3.11 or newer; this is %s. Name another: make PYTHON=python3.12 demo" % version)
    if os.path.exists(os.path.join(folder, "bin", "pip")):
        return
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit("This Python cannot make virtual environments: install venv (on Debian: apt install python3-venv).")
    print("Making %s with Python %s …" % (folder, version))
    sys.exit(subprocess.call([sys.executable, "-m", "venv", folder]))


main(sys.argv[1])
