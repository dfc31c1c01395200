"""How risk is put into words and figures on pages: stated outcomes, named views, and parts that add up as shown."""

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import Site

from scorers.base import Scorer
from warden import plugins
from warden.domain import LOCALES
from warden.store import assessments, criteria, matrices
from warden.web import words
from warden.web.fields import fields_of
from warden.web.outcomes import STATEMENTS, stated
from warden.web.pages.backtest import plot
from warden.web.pages.entry import Entry, parsed
from warden.web.pages.matrices import written
from warden.web.pages.standing import summing
from warden.wording import reader_of

SCORERS = {scorer.name: scorer for scorer in plugins.scorers()}


@pytest.mark.parametrize("scorer", SCORERS.values(), ids=SCORERS)
def test_every_outcome_is_stated_in_every_language(scorer: Scorer) -> None:
    terms = scorer.Options().model_dump()
    for statement in STATEMENTS[scorer.name]:
        asked = {name: 0.5 if value is None else value for name, value in terms.items()}
        unused = {name for other in STATEMENTS[scorer.name] for name in other.needs} - statement.needs
        fact = stated(scorer.name, {**asked, **dict.fromkeys(statement.needs, 0.5), **dict.fromkeys(unused)})
        assert fact["message"] == statement.message
        for locale in LOCALES:
            assert "%(" not in reader_of(locale).fact(fact)
    assert STATEMENTS[scorer.name][-1].needs == frozenset()
    assert scorer.name in words.SIGNALS


def test_the_shipped_silence_is_stated_in_full() -> None:
    fact = stated("silence", SCORERS["silence"].Options().model_dump())
    assert reader_of("en").fact(fact) == (
        "goes silent: no sign of life (message or meeting) for at least 30 days and for longer than 99% of its "
        "own gaps, beginning within 28 days"
    )


def test_an_outcome_nobody_stated_is_told_by_its_name() -> None:
    assert "“mood”" in reader_of("en").fact(stated("mood", {"horizon_days": 28}))
    assert stated("communication", {})["params"] == {}  # stored before outcomes were stated


def test_every_view_of_every_outcome_has_a_name(site: Site) -> None:
    with site.services.db.read() as session:
        signals = [signal for row in assessments.latest_of_all(session) for signal in row.signals]
    views = {view for signal in signals for view in signal["contributions"]}
    assert views
    assert views <= words.VIEWS.keys()


@given(st.lists(st.floats(-20, 20), max_size=8), st.sampled_from([1, 2]))
def test_parts_add_up_as_they_are_shown(parts: list[float], digits: int) -> None:
    shown = summing(parts, digits)
    assert round(sum(shown), digits) == pytest.approx(round(math.fsum(parts), digits), abs=1e-9)
    for part, text in zip(parts, shown, strict=True):
        assert abs(part - text) <= 10.0**-digits + 1e-9


def test_a_plot_reaches_as_far_as_its_dots() -> None:
    bins = [{"said_share": 0.05, "came_share": 0.1, "rows": 10}, {"said_share": 0.3, "came_share": 0.2, "rows": 40}]
    drawn = plot({"bins": bins})
    assert drawn is not None
    assert (drawn.top, [point[:2] for point in drawn.points]) == (0.4, [(12.5, 75.0), (75.0, 50.0)])
    assert plot(None) is None


def test_every_field_of_every_criterion_can_be_typed_and_read_back() -> None:
    for name, options in criteria.shipped().items():
        fields = fields_of(name)
        values: dict[str, Any] = {criteria.ENABLED: False, **options().model_dump()}
        entries = [Entry(field, field.default, values, None, ()) for field in fields]
        typed = {entry.field.name: entry.text for entry in entries}
        typed |= {f"{entry.field.name}.off": "not used" for entry in entries if entry.is_off}
        assert parsed(fields, typed) == {field.name: values[field.name] for field in fields}
        assert parsed(fields, {}) == {}


def test_a_matrix_is_written_with_a_line_for_each_row(site: Site) -> None:
    with site.services.db.read() as session:
        data = matrices.get(session, 1).data
    text = written(data)
    assert json.loads(text) == data
    assert len(re.findall(r"^ +\[\"", text, re.MULTILINE)) == 5
