"""Bands a matrix does not have: which comparisons with them are told, and where."""

import pytest

from warden.rules.bands import band_faults

BANDS = ("low", "moderate", "high", "extreme")


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ('band == "exterme"', 9, 'band is never "exterme"; the matrix has low, moderate, high, extreme'),
        ('"x" != band', 1, 'band is never "x"; the matrix has low, moderate, high, extreme'),
        ('impact > 3.0 && band in ["high", "x"]', 34, 'band is never "x"; the matrix has low, moderate, high, extreme'),
        ("band_rank >= 4", 14, "band_rank >= 4 never holds; on the matrix it goes from 0 to 3"),
        ("3 < band_rank", 1, "band_rank > 3 never holds; on the matrix it goes from 0 to 3"),
        ("!((band_rank) == (12))", 19, "band_rank == 12 never holds; on the matrix it goes from 0 to 3"),
        ("band_rank in [2, 7]", 18, "band_rank == 7 never holds; on the matrix it goes from 0 to 3"),
        ("band_rank < 0", 13, "band_rank < 0 never holds; on the matrix it goes from 0 to 3"),
    ],
)
def test_a_comparison_with_no_band_is_told_with_its_place(text: str, place: int, what: str) -> None:
    [fault] = band_faults(text, "condition", BANDS)
    assert (fault.where, fault.what) == (f"condition, line 1, column {place}", what)


@pytest.mark.parametrize(
    "text",
    [
        'band == "high" || "extreme" == band',
        'band in ["high", "extreme"] && tier == "x"',
        "band_rank >= 3",
        "2 < band_rank",
        "band_rank in [0, 3]",
        "band_rank != 9",
        "band_rank + 2 >= 4",
        "band_rank * 2 > 3 + 1",
        "double(band_rank) + impact > 6.0",
        'late_rate > 4.0 // band == "x"',
    ],
)
def test_what_a_band_can_be_is_no_fault(text: str) -> None:
    assert band_faults(text, "condition", BANDS) == []
