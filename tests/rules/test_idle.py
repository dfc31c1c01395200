"""What does nothing in a rule: found with its place, and nothing else is."""

from typing import Any

import pytest

from warden.domain import LOCALES
from warden.rules import blind_faults, unused_parameters
from warden.wording import reader_of


@pytest.mark.parametrize(
    ("definition", "places"),
    [
        ({"condition": "true"}, ["condition, line 1, column 1"]),
        ({"condition": "\n  1 < 2"}, ["condition, line 2, column 3"]),
        ({"condition": "'late_rate' == 'late_rate' // late_rate"}, ["condition, line 1, column 1"]),
        ({"condition": "most > 0.5", "parameters": {"most": 1.0}}, ["condition, line 1, column 1"]),
        ({"condition": "late_rate > 0.5", "inhibit_when": "false"}, ["inhibit_when, line 1, column 1"]),
        ({"condition": "single_source == true || 1 < 2", "inhibit_when": "  "}, []),
    ],
)
def test_a_condition_that_looks_at_no_variable_is_found(definition: dict[str, Any], places: list[str]) -> None:
    assert [fault.where for fault in blind_faults(definition)] == places


@pytest.mark.parametrize(
    ("condition", "inhibit_when", "places"),
    [
        ("late_rate > most", "", ["parameters.least"]),
        ("late_rate > 0.5 // most", "", ["parameters.most", "parameters.least"]),
        ("tier == 'most' && late_rate > least", "", ["parameters.most"]),
        ("late_rate > most", "coverage < least", []),
    ],
)
def test_a_parameter_no_condition_uses_is_found(condition: str, inhibit_when: str, places: list[str]) -> None:
    definition = {"condition": condition, "inhibit_when": inhibit_when, "parameters": {"most": 0.5, "least": 2.0}}
    assert [fault.where for fault in unused_parameters(definition)] == places


def test_both_are_said_in_every_language() -> None:
    definition = {"condition": "true", "parameters": {"most": 1.0}}
    for fault in (*blind_faults(definition), *unused_parameters(definition)):
        said = {reader_of(locale).fact({"message": fault.message, "params": fault.params}) for locale in LOCALES}
        assert len(said) == len(LOCALES)
