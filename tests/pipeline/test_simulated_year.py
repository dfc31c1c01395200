"""A year of two hundred partners, with what goes wrong in one: every alert, meeting, message and digest as recorded.

`GOLDEN=write` records it anew; read what changed before you keep it.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import simulated_record as record
import simulated_year as simulated
from cryptography.fernet import Fernet
from fakes import Mail
from simulated_portfolio import NAMES

from warden import log
from warden.pipeline import notify
from warden.vault import Vault

GOLDEN = Path(__file__).parent / "golden" / "year.txt"
MOST_PER_PARTNER_QUARTER = 0.35


pytestmark = pytest.mark.slow


@pytest.fixture
def year(sqlite_template: Path, tmp_path: Path) -> Iterator[simulated.Year]:
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'warden.db')}"
    log.configure("CRITICAL", as_json=True)
    with (
        pytest.MonkeyPatch.context() as patched,
        simulated.surroundings() as world,
        simulated.service(url, Vault([Fernet.generate_key().decode()]), tmp_path, world) as lived,
    ):
        patched.setattr(notify, "PATIENCE", timedelta())  # paces of channels are waited for in played time
        simulated.begin(lived)
        simulated.live(lived, int(os.environ.get("DAYS", "364")))
        yield lived


def test_the_year_is_as_recorded_with_nothing_lost_or_told_twice_and_people_told_rarely(year: simulated.Year) -> None:
    """One test, so that no two workers ever live the same year."""
    with year.db.read() as session:
        lived = "\n".join(record.lines(session)) + "\n"
        if os.environ.get("GOLDEN") == "write":
            GOLDEN.write_text(lived, encoding="utf-8")
        assert lived == GOLDEN.read_text(encoding="utf-8")
        assert record.lost(session) == []
        assert record.doubled(session) == []
        taken = [*year.world.taken, *map(_mail, year.world.mail.mails)]
        assert record.mistaken(session, year.vault, year.settings, taken) == []
        assert record.per_partner_quarter(session, len(NAMES)) <= MOST_PER_PARTNER_QUARTER


def _mail(taken: Mail) -> record.Taken:
    return "Mail", str(taken.parsed["Message-ID"]).strip("<>").partition("@")[0], taken.content
