"""The examples of docs/collectors: what they say is read arrives in the panel."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_partner, make_source
from sqlalchemy.orm import Session

from collectors.http import Http
from scorers.base import Panel
from warden import plugins
from warden.db import Database
from warden.settings import Settings
from warden.store import identifiers, panel
from warden.store.facts import insert_facts
from warden.web.api.push import read_batch

DOCS = Path(__file__).parents[2] / "docs" / "collectors"
NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
EXAMPLES = re.findall(r"```csv\n(.*?)```\s*```json\n(.*?)```", (DOCS / "table.md").read_text("utf-8"), re.DOTALL)


def see(session: Session, settings: Settings, facts: Any) -> Panel:
    for code in ("S-1042", "S-2001"):
        make_partner(session, code, keys=[("supplier_code", code)], time_zone="Asia/Taipei", now=NOW)
    insert_facts(session, make_source(session, now=NOW).id, facts, NOW)
    identifiers.attribute_new(session, NOW)
    return panel.build(session, settings, NOW, NOW)[1]


def days(seen: Panel, name: str) -> list[int]:
    """How many days ago, partners together, each as often as it counts."""
    rows, columns = np.nonzero(seen.daily[name])
    ago = np.floor(seen.now[rows]).astype(int) - columns
    return sorted(np.repeat(ago, seen.daily[name][rows, columns]).tolist())


@pytest.mark.parametrize(("file", "options"), EXAMPLES, ids=["survey", "milestones", "meetings"])
def test_a_documented_file_is_read_as_it_says(
    db: Database, settings: Settings, tmp_path: Path, file: str, options: str
) -> None:
    given = json.loads(options)
    path = tmp_path / Path(given["path"]).name
    path.write_text(file, "utf-8")
    settings.file_roots = (tmp_path,)
    kind = plugins.collector("table")
    read = plugins.read_options(kind.Options, {**given, "path": str(path)}, settings)
    with Http() as http:
        batch = kind(read).collect({}, http, NOW)
    assert batch.problems == []
    with db.write() as session:
        seen = see(session, settings, batch.facts)
    found = {
        "satisfaction": sorted(seen.measures["satisfaction"].value.tolist()) if seen.measures else [],
        **{name: days(seen, name) for name in ("milestones", "missed", "met")},
    }
    assert (
        found
        == {
            "survey.csv": {"satisfaction": [2.5, 4.0, 5.0], "milestones": [], "missed": [], "met": []},
            "milestones.csv": {"satisfaction": [], "milestones": [12, 33], "missed": [12], "met": []},
            "meetings.csv": {"satisfaction": [], "milestones": [], "missed": [], "met": [7, 8, 29]},
        }[path.name]
    )


def test_a_documented_request_is_read_as_it_says(db: Database, settings: Settings) -> None:
    (body,) = re.findall(r"```json\n(.*?)```", (DOCS / "push.md").read_text("utf-8"), re.DOTALL)
    with db.write() as session:
        seen = see(session, settings, read_batch(body.encode(), NOW)[1])
    assert seen.measures["satisfaction"].value.tolist() == [4.0]
    assert {name: days(seen, name) for name in ("milestones", "missed", "met")} == {
        "milestones": [12],
        "missed": [12],
        "met": [29],
    }
