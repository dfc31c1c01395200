"""Impact: the formula, its parts, and what is missing."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scorers.impact import PARTS, Attributes, Formula, part_known, rate

NAN = np.nan


def attributes(partners: int = 1, **given_values: Any) -> Attributes:
    """Return attributes of which only the given ones are known."""
    blank = np.full(partners, NAN)
    names = ("annual_value", "share", "months_to_replace", "single_source", "days_to_contract_end")
    known = {name: np.asarray(given_values.get(name, blank), dtype=np.float64) for name in names}
    return Attributes(
        currency=given_values.get("currency", ["USD"] * partners),
        tier=given_values.get("tier", [""] * partners),
        **known,
    )


def test_weights_sum_to_one() -> None:
    assert sum(getattr(Formula(), f"{part}_weight") for part in PARTS) == pytest.approx(1.0)


def test_everything_known_and_at_its_worst_is_five_and_at_its_best_one() -> None:
    both = rate(
        attributes(
            2,
            annual_value=[1e6, 1e3],
            share=[0.4, 0.0],
            months_to_replace=[18, 0],
            single_source=[1, 0],
            days_to_contract_end=[30, 900],
            tier=["strategic", "minor"],
        )
    )
    assert both.value[0] == pytest.approx(5.0)
    assert both.value[1] == pytest.approx(1.0 + 4 * 0.05 * 0.1)
    assert both.coverage == pytest.approx([1.0, 1.0])
    assert both.missing(0) == ()


def test_the_parts_give_the_value() -> None:
    impact = rate(attributes(share=[0.125], single_source=[1], tier=["standard"]))
    known = [part for part in impact.parts if not np.isnan(part.score[0])]
    assert [part.name for part in known] == ["share", "single_source", "tier"]
    mean = sum(part.weight[0] * part.score[0] for part in known) / sum(part.weight[0] for part in known)
    assert impact.value[0] == pytest.approx(1 + 4 * mean)
    assert impact.coverage[0] == pytest.approx(0.45)
    assert impact.missing(0) == ("annual_value", "months_to_replace", "contract_end")


def test_annual_value_counts_in_decades_below_the_largest() -> None:
    score = rate(attributes(4, annual_value=[1000.0, 100.0, 10.0, 0.0])).parts[0].score
    assert score == pytest.approx([1.0, 0.5, 0.0, 0.0])


def test_values_in_another_currency_are_not_compared() -> None:
    impact = rate(attributes(3, annual_value=[10.0, 20.0, 9e9], currency=["EUR", "EUR", "VND"]))
    assert list(np.isnan(impact.value)) == [False, False, True]
    assert "annual_value" in impact.missing(2)


def test_too_little_known_is_no_rating() -> None:
    impact = rate(attributes(2, single_source=[1, 1], annual_value=[NAN, 5.0]))
    assert list(np.isnan(impact.value)) == [True, False]
    assert impact.coverage == pytest.approx([0.15, 0.45])


def test_an_unknown_tier_is_unknown() -> None:
    assert "tier" in rate(attributes(share=[0.1], months_to_replace=[3], tier=["gold-ish"])).missing(0)


def test_an_ended_contract_scores_like_one_about_to_end() -> None:
    score = rate(attributes(3, days_to_contract_end=[-50, 90, 365])).parts[4].score
    assert score == pytest.approx([1.0, 1.0, 0.0])


@given(st.lists(st.tuples(*[st.one_of(st.just(NAN), st.floats(0, 1e9))] * 5), min_size=0, max_size=20))
def test_any_attributes_give_a_rating_within_range_or_none(rows: list[tuple[float, ...]]) -> None:
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), 5).T
    names = ("annual_value", "share", "months_to_replace", "single_source", "days_to_contract_end")
    impact = rate(attributes(len(rows), **dict(zip(names, columns, strict=True))))
    known = impact.value[~np.isnan(impact.value)]
    assert ((known >= 1.0) & (known <= 5.0)).all()
    assert ((impact.coverage >= 0) & (impact.coverage <= 1)).all()
    assert (np.isnan(impact.value) == (impact.coverage < 0.3 - 1e-9)).all()
    assert ((impact.lowest >= 1.0) & (impact.highest <= 5.0 + 1e-9)).all()
    assert (impact.lowest <= impact.highest).all()
    rated = ~np.isnan(impact.value)
    assert (impact.lowest[rated] <= impact.value[rated] + 1e-9).all()
    assert (impact.value[rated] <= impact.highest[rated] + 1e-9).all()


def test_the_range_is_the_value_when_nothing_is_missing_and_everything_when_all_is() -> None:
    full = rate(
        attributes(
            annual_value=[5.0],
            share=[0.1],
            months_to_replace=[6],
            single_source=[0],
            days_to_contract_end=[200],
            tier=["key"],
        )
    )
    assert full.lowest[0] == full.value[0] == full.highest[0]
    empty = rate(attributes())
    assert (empty.lowest[0], empty.highest[0]) == (1.0, 5.0)
    assert np.isnan(empty.value[0])


def test_a_missing_part_counts_nothing_or_in_full_in_the_range() -> None:
    impact = rate(attributes(share=[0.25], months_to_replace=[12.0]))
    assert impact.lowest[0] == pytest.approx(1 + 4 * 0.45)
    assert impact.highest[0] == pytest.approx(5.0)


def test_each_missing_attribute_lowers_the_coverage_by_its_weight() -> None:
    assert part_known([(0.3, 0.5), (0.2, 0.0), (0.5, None)]) == pytest.approx(0.5)
    assert part_known([(1.0, None), (0.0, 1.0)]) == 0.0
    assert part_known([(0.0, 1.0)]) is part_known([]) is None
    impact = rate(attributes(share=[0.25], months_to_replace=[12.0]))
    parts = [(part.weight[0], None if np.isnan(part.score[0]) else part.score[0]) for part in impact.parts]
    assert part_known(parts) == pytest.approx(impact.coverage[0])


def test_each_partner_may_have_its_own_formula() -> None:
    plain = Formula()
    shares = Formula.model_validate({f"{part}_weight": 0 for part in PARTS if part != "share"} | {"full_share": 0.5})
    impact = rate(attributes(3, share=[0.25] * 3, months_to_replace=[0.0] * 3), [plain, shares], np.array([0, 1, 0]))
    assert impact.value == pytest.approx([1 + 4 * 0.25 / 0.45, 3.0, 1 + 4 * 0.25 / 0.45])
    assert impact.coverage == pytest.approx([0.45, 1.0, 0.45])
    assert impact.missing(1) == ()


def test_tiers_and_their_scores_are_configuration() -> None:
    formula = Formula.model_validate({"tiers": {" Gold ": 0.9}, "coverage_floor": 0.05})
    score = rate(attributes(2, tier=["gold", "strategic"]), [formula]).parts[5].score
    assert score[0] == 0.9
    assert np.isnan(score[1])


@pytest.mark.parametrize(
    "data",
    [
        {"share_weight": -0.1},
        {f"{part}_weight": 0 for part in PARTS},
        {"tiers": {"gold": 2}},
        {"full_share": 0},
        {"contract_near_days": 400},
        {"weight": 1},
    ],
)
def test_a_formula_that_makes_no_sense_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Formula.model_validate(data)
