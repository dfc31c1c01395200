"""The risk matrix in versions: drafted, activated, retired, and found again as of any moment."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from factories import DAY, NOW
from sqlalchemy.orm import Session

from warden.db import Database
from warden.errors import Conflict, InvalidInput, NotFound
from warden.store import matrices, shipped


@pytest.fixture
def seeded(db: Database) -> Database:
    with db.write() as session:
        shipped.seed(session, NOW)
    return db


def severer(session: Session) -> dict[str, Any]:
    """The active matrix, its mildest cell in the severest band."""
    data = copy.deepcopy(matrices.active(session).data)
    data["grid"][0][0] = data["bands"][-1]["key"]
    return data


def test_a_draft_changes_nothing_until_it_is_activated(seeded: Database) -> None:
    with seeded.write() as session:
        drafted = matrices.draft(session, severer(session), "olga", NOW + DAY)
        assert (drafted.version, drafted.author, drafted.active, drafted.activated_at) == (2, "olga", False, None)
        assert matrices.active(session).version == 1
        matrices.activate(session, 2, "an", NOW + 2 * DAY)
        assert matrices.active(session).version == 2
        first, second = matrices.get(session, 1), matrices.get(session, 2)
        assert (first.active, first.activated_at, first.retired_at) == (False, NOW, NOW + 2 * DAY)
        assert (second.active, second.activated_at, second.retired_at) == (True, NOW + 2 * DAY, None)
        assert second.author == "an"
        assert [row.active for row in matrices.listing(session)] == [True, False]


def test_the_matrix_in_force_is_the_one_that_was_active_then(seeded: Database) -> None:
    with seeded.write() as session:
        for days in (2, 4):
            drafted = matrices.draft(session, severer(session), "olga", NOW + DAY)
            matrices.activate(session, drafted.version, "olga", NOW + days * DAY)
        matrices.draft(session, severer(session), "olga", NOW)
        instant = timedelta(microseconds=1)
        moments = {0: 1, 1: 1, 2: 2, 3: 2, 4: 3, 400: 3}
        assert {days: matrices.in_force(session, NOW + days * DAY).version for days in moments} == moments
        assert matrices.in_force(session, NOW + 2 * DAY - instant).version == 1
        assert matrices.in_force(session, NOW - 900 * DAY).version == 1, "before the first, the first"


def test_without_any_matrix_there_is_none_in_force(db: Database) -> None:
    with db.read() as session:
        with pytest.raises(NotFound, match="no risk matrix yet"):
            matrices.in_force(session, NOW)
        with pytest.raises(NotFound, match="no risk matrix yet"):
            matrices.active(session)
        with pytest.raises(NotFound, match="no version 7"):
            matrices.get(session, 7)


def test_only_drafts_can_be_changed_or_thrown_away(seeded: Database) -> None:
    with seeded.write() as session:
        data = severer(session)
        drafted = matrices.draft(session, matrices.active(session).data, "olga", NOW)
        assert matrices.change(session, drafted.version, data, NOW + DAY).data == data
        assert drafted.created_at == NOW + DAY
        matrices.delete(session, drafted.version)
        with pytest.raises(NotFound):
            matrices.get(session, drafted.version)
        for version in (1,):
            with pytest.raises(Conflict, match="make a draft"):
                matrices.change(session, version, data, NOW)
            with pytest.raises(Conflict, match="make a draft"):
                matrices.delete(session, version)


def test_a_retired_matrix_does_not_come_back_by_itself(seeded: Database) -> None:
    with seeded.write() as session:
        assert matrices.activate(session, 1, "an", NOW + DAY).activated_at == NOW, "it is active already"
        matrices.activate(session, matrices.draft(session, severer(session), "an", NOW).version, "an", NOW + DAY)
        with pytest.raises(Conflict, match="Version 1 of the risk matrix was activated"):
            matrices.activate(session, 1, "an", NOW + 2 * DAY)


def test_a_matrix_that_does_not_fit_is_refused_with_its_place(seeded: Database) -> None:
    with seeded.write() as session:
        data = copy.deepcopy(matrices.active(session).data)
        drafted = matrices.draft(session, data, "an", NOW)
        broken = copy.deepcopy(data)
        broken["grid"][2][4] = "severe"
        with pytest.raises(InvalidInput) as refused:
            matrices.draft(session, broken, "an", NOW)
        assert refused.value.faults[0].where == "grid[2][4]"
        with pytest.raises(InvalidInput, match=r"grid\[2\]\[4\]"):
            matrices.change(session, drafted.version, broken, NOW)


def test_bands_are_named_and_ranked_by_version(seeded: Database) -> None:
    with seeded.write() as session:
        matrices.draft(session, severer(session), "an", NOW)
        assert matrices.band_ranks(session)[1, "extreme"] == 3
        assert matrices.band_names(session, 1, "high")["en"] == "High"
        assert matrices.band_names(session, 1, None) == {}
