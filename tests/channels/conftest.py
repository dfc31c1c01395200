"""What the channels' tests share: one HTTP client that may reach loopback, and envelopes."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import LOOPBACK
from samples import NOW

from collectors.http import Http
from warden.channels.base import Envelope
from warden.wording import reader_of

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def http() -> Iterator[Http]:
    with Http(allowed_networks=LOOPBACK, timeout=5) as client:
        yield client


@pytest.fixture
def envelope() -> Envelope:
    return Envelope(
        notification_id=uuid.UUID("01890000-0000-7000-8000-000000000001"),
        created_at=NOW,
        reader=reader_of("en", "Asia/Taipei"),
        about={"partner_id": "5f0c8b0e-0000-4000-8000-000000000007"},
    )


@pytest.fixture
def golden() -> Callable[[str, bytes], None]:
    """Compare bytes with a file in golden/; GOLDEN=write writes the files anew, for review."""

    def compare(name: str, found: bytes) -> None:
        path = GOLDEN / name
        if os.environ.get("GOLDEN") == "write":
            path.write_bytes(found)
        assert found == path.read_bytes()

    return compare
