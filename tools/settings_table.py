"""Writes the table of settings into README.md, from warden.settings; `--check` only tells whether it is up to date."""

import sys
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from warden.settings import Settings

README = Path(__file__).resolve().parent.parent / "README.md"
START, END = "<!-- settings: start -->", "<!-- settings: end -->"


def shown(value: Any) -> str:
    """Return a default as it is written in the environment."""
    if value is None or value == () or value is PydanticUndefined:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def table() -> str:
    """Return the settings as a Markdown table."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        rows.append(f"| `WARDEN_{name.upper()}` | {shown(field.default)} | {field.description} |")
    return "\n".join(rows)


def renewed(text: str) -> str:
    """Return the README's text with today's table between the two marks."""
    before, rest = text.split(START, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{START}\n{table()}\n{END}{after}"


def main() -> int:
    """Write or check; return the exit status."""
    text = README.read_text(encoding="utf-8")
    wanted = renewed(text)
    if "--check" not in sys.argv[1:]:
        README.write_text(wanted, encoding="utf-8")
    elif wanted != text:
        print("README.md: the table of settings is out of date; run `make format`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
