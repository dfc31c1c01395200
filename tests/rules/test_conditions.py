"""Conditions: what is refused and where the fault is said to be, and what one verdict is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cel
import pytest

from warden.errors import InvalidInput
from warden.rules import (
    VARIABLES,
    Kind,
    Outcome,
    compile_condition,
    compile_rule,
    context,
    evaluate,
    inhibition_faults,
    over,
)
from warden.rules.conditions import OVER_MESSAGE, UNKNOWN_MESSAGE, Condition
from warden.rules.context import Variable
from warden.rules.sentences import explained
from warden.wording import reader_of

DOCS = Path(__file__).parents[2] / "docs" / "rules.md"

LITERALS = {Kind.DOUBLE: "2.0", Kind.INT: "2", Kind.STRING: "'x'", Kind.BOOL: "true", Kind.STRINGS: "['x']"}


def _literal(variable: Variable) -> str:
    if variable.values:
        return f"'{variable.values[0]}'"
    return f"'{variable.capitals * 'X'}'" if variable.capitals else LITERALS[variable.kind]


PLAIN = context(
    likelihood=0.3,
    impact=4.0,
    band="high",
    band_rank=2,
    coverage=0.9,
    tier="key",
    stage="active",
    signals=[
        {
            "name": "silence",
            "state": "fresh",
            "likelihood": 0.2,
            "weight": 0.4,
            "unknown": None,
            "measured": {"days_silent": 12.0, "silence_ratio": None},
        },
        {
            "name": "late_share",
            "state": "stale",
            "likelihood": 0.4,
            "weight": 0.4,
            "unknown": None,
            "measured": {"late_rate": 0.4, "due_recent": 9.0},
        },
    ],
)


def nested_loops(depth: int) -> str:
    """Return a condition that would ask its innermost question 8 ** depth times."""
    text = "true"
    for level in range(depth):
        text = f"[0,0,0,0,0,0,0,0].all(v{level}, {text})"
    return text


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "condition", "it is empty"),
        ("   ", "condition", "it is empty"),
        ("x" * 1001, "condition", "1001 characters; expected at most 1000"),
        ("late_rate > ", "condition, line 1, column 13", "something is missing after >"),
        ("late_rate > 0.25 &&\n coverage >", "condition, line 2, column 12", "something is missing after >"),
        ("(late_rate > 0.25", "condition, line 1, column 18", ") is missing at the end"),
        ("late_rate = 0.25", "condition, line 1, column 11", "= is not expected here; did you mean ==?"),
        ("late_rate > 0.25 and coverage > 0", "condition, line 1, column 18", "did you mean &&?"),
        ("late_rate > 0.25)", "condition, line 1, column 17", ") is not expected here"),
        ("band == 'high", "condition, line 1, column 9", "'high is not expected here"),
        ("(" * 120 + "true" + ")" * 120, "condition, line 1, column 97", "nests too deep"),
        ("late_rat > 0.25", "condition, line 1, column 1", "unknown variable late_rat; did you mean late_rate?"),
        ("tier == 'lat' &&\n  lat > 1.0", "condition, line 2, column 3", "unknown variable lat"),
        ("zzz > 1.0", "condition, line 1, column 1", "expected one of likelihood, impact"),
        ("coverage > 0.5 &&\n  tags.line == 1", "condition, line 2, column 8", "tags has no field line"),
        (
            "'late_rate.x' == tier || late_rate .share > 0.1",
            "condition, line 1, column 37",
            "late_rate has no field share",
        ),
        ("coverage > 0.1 && now() > 3", "condition, line 1, column 19", "unknown function now"),
        (
            "late_rate + 1 > 2.0",
            "condition",
            "it fails for late_rate = 0.0: its types do not fit; numbers are of one kind: write 2.0, not 2",
        ),
        ("stage > 2", "condition", "it fails for stage = 'candidate'"),
        (
            "tier == 'stage' &&\n stage == 'activ'",
            "condition, line 2, column 11",
            "stage is never 'activ'; expected one of candidate",
        ),
        ('stage in ["active", "bufer"]', "condition, line 1, column 21", 'stage is never "bufer"'),
        ('"blnd" != communication_state', "condition, line 1, column 1", 'communication_state is never "blnd"'),
        (
            "country == 'tw'",
            "condition, line 1, column 12",
            "country is never 'tw'; expected a code of 2",
        ),
        (
            "currency in ['USD', 'EURO']",
            "condition, line 1, column 21",
            "currency is never 'EURO'; expected a",
        ),
        ("late_rate == null", "condition, line 1, column 14", "late_rate is never compared with null"),
        ("null != late_rate", "condition, line 1, column 1", "late_rate is never compared with null"),
        ("((late_rate)) == (null)", "condition, line 1, column 19", "late_rate is never compared with null"),
        ("country in ['DE', null]", "condition, line 1, column 19", "country is never compared with null"),
        ("tier == 'x' ? true : (stage) == ('activ')", "condition, line 1, column 34", "stage is never 'activ'"),
        ("stage == b'active' || tier == 'x'", "condition, line 1, column 10", "stage is never b'active'"),
        ("tier == 'a]' && stage in ['active', 'a]']", "condition, line 1, column 37", "stage is never 'a]'"),
        ("size(tier) > 1 // so\n && stage == 'activ'", "condition, line 2, column 14", "stage is never 'activ'"),
        (
            "days_silent > 500.0 && stage > 2",
            "condition",
            "it fails for days_silent = 501.0, stage = 'candidate': its types do not fit",
        ),
        ("late_rate", "condition", "it gives 0.0 for late_rate = 0.0; expected true or false"),
        ("10 / band_rank > 3", "condition", "it fails for band_rank = 0"),
        ("tier.matches('(')", "condition", "it fails for tier"),
        ("size(tags) == 0 || tags[1] == 'b'", "condition", "it fails for tags = ['b']: it asks a list for an entry"),
        ("tags.exists(tag, tag == 'b')", "condition, line 1, column 6", "exists is a loop"),
        ("single_source > 1.0", "condition", "it fails for single_source = True"),
        ("late_rate > 0.1 &&\n [0].all(x, true)", "condition, line 2, column 6", "all is a loop"),
        ("[1.0].map(late_rate, late_rate) == [1.0]", "condition, line 1, column 7", "map is a loop"),
        ("[0] . // so\n exists(x, true)", "condition, line 2, column 2", "exists is a loop"),
        (r"r'\' == tier && [0].all(x, true) && tier == 'x'", "condition, line 1, column 21", "all is a loop"),
        (nested_loops(30), "condition, line 1, column 19", "all is a loop"),
        (" || ".join([r"stage.matches(r'\w{120}')"] * 33), "condition", "it takes too long"),
    ],
)
def test_an_unusable_condition_is_refused_with_its_place(text: str, where: str, what: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        compile_condition(text)
    fault = refused.value.faults[0]
    assert fault.where == where
    assert what in fault.what
    assert "\n" not in str(refused.value)


def test_the_field_at_fault_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        compile_rule(key="k", condition="late_rate > 0.2", inhibit_when="blind")
    assert refused.value.faults[0].where == "inhibit_when, line 1, column 1"


@pytest.mark.parametrize(
    "text",
    [
        "band_rank >= 2",
        "late_rate > 0.25 && due_recent >= 5.0",
        "silence_ratio >= 1.0 || negative_incidents > 3.0",
        'stage in ["active", "buffer"] && tier == "key"',
        "usual_gap > 0.0 && days_silent / usual_gap > 1.5",
        "double(band_rank) + impact > 6.0",
        "tier.startsWith('k') ? likelihood > 0.2 : likelihood > 0.4",
        'communication_state == "blind"',
        "\"stage == 'activ'\" == tier",
        'tier == "null == late_rate" && region != \'stage == "activ"\'',
        "coverage > 0.5 // not: stage == 'activ', nor null == late_rate",
        "tier + stage == 'keyactive' || 'keyactive' == tier + stage",
        "stage == 'act' + 'ive' && 'ive' + stage != tier",
        "stage == r'active' || stage == '''active''' || stage == \"act\\u0069ve\"",
        "tier == r'\\' || stage == 'active' || tier == 'x'",
        "(stage == 'active' ? 'yes' : 'no') == 'yes'",
        "stage == (tier == 'activ' ? 'active' : 'buffer')",
        "tier == stage && stage in tags && 'activ' in tags && stage.startsWith('activ')",
        "[stage][0] == 'active' && stage in ['active',]",
        "true",
        '"strategic" in tags && size(tags) < 5',
        "single_source == true || months_to_replace > 6.0",
        *(f"{variable.name} != {_literal(variable)}" for variable in VARIABLES),
    ],
)
def test_a_sound_condition_is_accepted(text: str) -> None:
    assert compile_condition(text).text == text


def test_parameters_are_doubles_a_condition_uses_by_name() -> None:
    rule = compile_rule(
        key="k",
        condition="late_rate > limit && due_recent >= least",
        inhibit_when="coverage < floor",
        parameters={"limit": 0.3, "least": 5, "floor": 0.1, "unused": 1.0},
    )
    assert rule.uses == ("coverage", "due_recent", "late_rate")
    assert evaluate(rule, PLAIN).outcome is Outcome.MET
    assert evaluate(replace(rule, parameters={**rule.parameters, "limit": 0.5}), PLAIN).outcome is Outcome.UNMET
    seen = rule.seen([PLAIN[name] for name in rule.uses])
    assert seen == {"coverage": 0.9, "due_recent": 9.0, "late_rate": 0.4, "floor": 0.1, "least": 5.0, "limit": 0.3}


def test_an_unknown_name_close_to_a_parameter_is_told_so() -> None:
    with pytest.raises(InvalidInput) as refused:
        compile_rule(key="k", condition="late_rate >\n  limt", parameters={"limit": 0.3})
    (fault,) = refused.value.faults
    assert (fault.where, fault.what) == ("condition, line 2, column 3", "unknown variable limt; did you mean limit?")


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("late_rate", 0.2, "is the name of a variable"),
        ("for_seconds", 60, "is the name of a field"),
        ("for", 1.0, "is a word of CEL"),
        ("in", 1.0, "is a word of CEL"),
        ("true", 1.0, "is a word of CEL"),
        ("Limit", 0.2, "expected a name of small letters"),
        ("2nd", 0.2, "expected a name of small letters"),
        ("limit", True, "found True; expected a number"),
        ("limit", "0.2", "found '0.2'; expected a number"),
        ("limit", float("nan"), "found nan; expected a number"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused_by_name(name: str, value: Any, what: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        compile_rule(key="k", condition="late_rate > 0.2", parameters={name: value})
    (fault,) = refused.value.faults
    assert fault.where == f"parameters.{name}"
    assert what in fault.what


def test_a_rule_has_at_most_twenty_parameters() -> None:
    with pytest.raises(InvalidInput, match="found 21; expected at most 20"):
        compile_rule(key="k", condition="true", parameters={f"p{number}": 1.0 for number in range(21)})


HELD = {"partner", "tier", "tag:product:lens"}
KEYS = {"band_high", "band_extreme", "gone_quiet"}


@pytest.mark.parametrize(
    ("given", "where", "what"),
    [
        ("band_extreme", "inhibited_by", "expected a list"),
        ([{"rule": "band_extreme"}], "inhibited_by[0]", 'expected an object of "rule" and "equal"'),
        ([{"rule": "band_extrem", "equal": ["partner"]}], "inhibited_by[0].rule", "did you mean band_extreme?"),
        ([{"rule": "band_high", "equal": ["partner"]}], "inhibited_by[0].rule", "is the rule itself"),
        ([{"rule": 7, "equal": ["partner"]}], "inhibited_by[0].rule", "there is no rule 7"),
        ([{"rule": "gone_quiet", "equal": []}], "inhibited_by[0].equal", "one at least"),
        ([{"rule": "gone_quiet", "equal": ["partner", "regin"]}], "inhibited_by[0].equal[1]", "did you mean region?"),
        ([{"rule": "gone_quiet", "equal": ["region"]}], "inhibited_by[0].equal[0]", "no partner has region"),
        ([{"rule": "gone_quiet", "equal": ["tag:"]}], "inhibited_by[0].equal[0]", "the beginning of a tag"),
        ([{"rule": "gone_quiet", "equal": ["tag:site:"]}], "inhibited_by[0].equal[0]", "no partner has tag:site:"),
        ([{"rule": "gone_quiet", "equal": ["tier"]}, 3], "inhibited_by[1]", "expected an object"),
    ],
)
def test_an_inhibition_that_would_hold_nothing_back_is_refused_with_its_position(
    given: Any, where: str, what: str
) -> None:
    (fault,) = inhibition_faults(given, "band_high", KEYS, HELD)
    assert fault.where == where
    assert what in fault.what


def test_a_sound_inhibition_is_accepted() -> None:
    given = [{"rule": "band_extreme", "equal": ["partner"]}, {"rule": "gone_quiet", "equal": ["tier", "tag:product:"]}]
    assert inhibition_faults(given, "band_high", KEYS, HELD) == []
    assert inhibition_faults([], "band_high", KEYS, HELD) == []


def test_every_name_is_always_present_and_unknown_ones_are_null() -> None:
    assert list(PLAIN) == [variable.name for variable in VARIABLES]
    assert PLAIN["sentiment_state"] == "missing"
    assert PLAIN["usual_gap"] is None
    assert PLAIN["late_rate"] == 0.4
    assert (PLAIN["late_share_likelihood"], PLAIN["milestones_likelihood"]) == (0.4, None)
    assert PLAIN["communication_state"] == "fresh"
    assert (PLAIN["tags"], PLAIN["region"], PLAIN["country"], PLAIN["meetings_missed"]) == ((), "", None, 0.0)


def test_criteria_in_force_and_figures_no_assessment_holds_are_seen_beside_it() -> None:
    late = {**a_lateness(0.4), "state": "fresh", "outcome": {"at_least": 0.2, "times_own": None, "horizon_days": 56.0}}
    plain = {"band": None, "band_rank": None, "coverage": 0.0, "tier": "key", "stage": "active"}
    more = {"tags": ("strategic", "lens"), "compliance_incidents": 2.0, "coverage": 0.7}
    values = context(likelihood=None, impact=None, signals=[late], more=more, **plain)
    assert (values["late_threshold"], values["late_threshold_times"], values["tone_threshold"]) == (0.2, None, None)
    assert (values["tags"], values["compliance_incidents"]) == (("strategic", "lens"), 2.0)
    assert values["coverage"] == 0.0, "what the assessment says is never replaced"
    assert evaluate(compile_rule(key="k", condition='"lens" in tags'), values).outcome is Outcome.MET


@pytest.mark.parametrize(
    ("surveys", "milestones", "state"),
    [
        ("missing", "fresh", "fresh"),
        ("stale", "fresh", "stale"),
        ("missing", "missing", "missing"),
        ("", "blind", "blind"),
    ],
)
def test_a_family_of_two_outcomes_is_as_current_as_the_first_that_says_anything(
    surveys: str, milestones: str, state: str
) -> None:
    states = {"satisfaction": surveys, "milestones": milestones}
    signals = [
        {"name": name, "state": known, "likelihood": None, "measured": {}} for name, known in states.items() if known
    ]
    plain = {"band": None, "band_rank": None, "coverage": 0.0, "tier": "key", "stage": "active"}
    assert context(likelihood=None, impact=None, signals=signals, **plain)["measure_state"] == state


DORMANT = {"message": "no message for %(days_silent)s days: dormant", "params": {"days_silent": 200.0}}


def a_silence(*, is_over: bool) -> dict[str, Any]:
    """A silence signal that says nothing any more."""
    return {"name": "silence", "state": "missing", "likelihood": None, "weight": 0.5, "expected": True,
            "unknown": DORMANT, "over": is_over, "measured": {"days_silent": 200.0, "silence_ratio": None}}  # fmt: skip


def a_lateness(weight: float) -> dict[str, Any]:
    """A lateness signal that says nothing yet."""
    return {"name": "late_share", "state": "missing", "likelihood": None, "weight": weight,
            "expected": True, "unknown": {"message": "few", "params": {}},
            "over": False, "measured": {"late_rate": None}}  # fmt: skip


def seen(*signals: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    plain = {"band": None, "band_rank": None, "coverage": 0.0, "tier": "key", "stage": "active"}
    values = context(likelihood=None, impact=4.0, signals=signals, **plain)
    return values, over(values, signals)


def test_what_is_over_is_not_waited_for() -> None:
    values, ended = seen(a_silence(is_over=True), a_lateness(0.4))
    assert set(ended) == {"silence_ratio", "silence_likelihood", "likelihood", "band", "band_rank"}
    for condition, outcome in (
        ("silence_ratio >= 1.0", Outcome.OVER),
        ("band_rank >= 2", Outcome.OVER),
        ("silence_ratio >= 1.0 && late_rate > 0.2", Outcome.OVER),
        ("late_rate > 0.2", Outcome.UNKNOWN),
        ("days_silent > 100.0", Outcome.MET),
        ("impact > 5.0", Outcome.UNMET),
    ):
        verdict = evaluate(compile_rule(key="k", condition=condition), values, ended)
        assert verdict.outcome is outcome
        if outcome is Outcome.OVER:
            assert verdict.reason == {"message": OVER_MESSAGE, "params": {"why": DORMANT}}


def test_a_partner_is_not_over_while_its_heaviest_silent_signal_may_yet_speak() -> None:
    _, ended = seen(a_silence(is_over=True), a_lateness(0.6))
    assert set(ended) == {"silence_ratio", "silence_likelihood"}
    assert seen(a_silence(is_over=False), a_lateness(0.4))[1] == {}


def test_a_blind_source_holds_back_even_what_is_over() -> None:
    values, ended = seen(a_silence(is_over=True))
    rule = compile_rule(key="k", condition="silence_ratio >= 1.0", inhibit_when='communication_state == "missing"')
    assert evaluate(rule, values, ended).outcome is Outcome.HELD_BACK


@pytest.mark.parametrize(
    ("condition", "inhibit_when", "outcome"),
    [
        ("late_rate > 0.25", "", Outcome.MET),
        ("late_rate > 0.5", "", Outcome.UNMET),
        ("silence_ratio >= 1.0", "", Outcome.UNKNOWN),
        ("late_rate > 0.25 || silence_ratio >= 1.0", "", Outcome.UNKNOWN),  # null is never guessed round
        ("late_rate > 0.25", 'delivery_state == "stale"', Outcome.HELD_BACK),
        ("late_rate > 0.25", 'delivery_state == "blind"', Outcome.MET),
        ("late_rate > 0.25", "silence_ratio > 1.0", Outcome.MET),  # an inhibition that is not known holds nothing back
    ],
)
def test_a_verdict(condition: str, inhibit_when: str, outcome: Outcome) -> None:
    rule = compile_rule(key="k", condition=condition, inhibit_when=inhibit_when)
    verdict = evaluate(rule, PLAIN)
    assert verdict.outcome is outcome
    assert (verdict.reason is not None) == (outcome not in (Outcome.MET, Outcome.UNMET))


def test_an_unknown_verdict_names_what_is_not_known() -> None:
    verdict = evaluate(compile_rule(key="k", condition="silence_ratio > usual_gap"), PLAIN)
    assert verdict.reason is not None
    assert verdict.reason["params"] == {"names": explained(["silence_ratio", "usual_gap"])}


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        (
            "en",
            "The rule cannot be judged: reply_hours (How long the partner now takes to answer.), usual_gap "
            "(The longest silence that is usual for this partner.) is not known.",
        ),
        (
            "zh-Hant",
            "無法判定規則：不知道 reply_hours（夥伴目前回覆所需的時間。）、usual_gap（這位夥伴平常最長的沉默。）。",
        ),
    ],
)
def test_what_is_not_known_is_told_by_its_meaning_in_the_reader_s_language(locale: str, told: str) -> None:
    verdict = evaluate(compile_rule(key="k", condition="reply_hours > usual_gap"), {**PLAIN, "reply_hours": None})
    assert verdict.reason is not None
    assert reader_of(locale).fact(verdict.reason) == told


def test_what_was_stored_with_bare_names_is_told_as_it_was() -> None:
    stored = {"message": UNKNOWN_MESSAGE, "params": {"names": "reply_hours, usual_gap"}}
    assert reader_of("en").fact(stored) == "The rule cannot be judged: reply_hours, usual_gap is not known."
    assert "reply_hours, usual_gap" in reader_of("vi").fact(stored)


def test_a_condition_that_fails_only_on_some_values_is_an_error_there_and_says_which() -> None:
    rule = compile_rule(key="k", condition="10 / (band_rank * band_rank - 49) > 3")  # no sample is 7
    verdict = evaluate(rule, {**PLAIN, "band_rank": 7})
    assert verdict.outcome is Outcome.ERROR
    assert verdict.reason is not None
    assert verdict.reason["params"]["error"] == {"message": "it divides by zero", "params": {}}


@pytest.mark.parametrize(
    ("condition", "seen", "said"),
    [
        ("10 / (band_rank * band_rank - 49) > 3", {"band_rank": 7}, "条件执行失败（除以零）。"),
        ("band_rank * band_rank > 3", {"band_rank": 2**40}, "条件执行失败（其中有数字过大，无法计算）"),
        ("int(tier) > 3 || band_rank < 20", {"tier": "key", "band_rank": 20}, "（无法求值；求值器原文：Function 'int'"),
    ],
)
def test_why_a_condition_fails_is_told_in_the_reader_s_language(
    condition: str, seen: dict[str, Any], said: str
) -> None:
    rule = replace(compile_rule(key="k", condition="true"), condition=_unchecked(condition))
    verdict = evaluate(rule, {**PLAIN, **seen})
    assert verdict.reason is not None
    assert said in reader_of("zh-Hans").fact(verdict.reason)


def _unchecked(text: str) -> Condition:
    """Return a condition as it would be if the samples had not reached where it fails."""
    program = cel.compile(text)
    return Condition(text, tuple(program.variables()), program)


def test_the_documentation_lists_exactly_the_variables() -> None:
    rows = [line for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| `")]
    expected = [
        f"| `{v.name}` | {v.kind}{', null' if v.nullable else ''} | {v.unit or '–'} | {v.meaning} |" for v in VARIABLES
    ]
    assert [row for row in rows if row in expected] == expected
