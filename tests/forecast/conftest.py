"""A folder for the files of a forecast."""

from pathlib import Path

import pytest
from observed import Files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)
