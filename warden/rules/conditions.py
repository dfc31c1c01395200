"""Conditions: checks what a person wrote, says where the fault is, and judges one partner by it."""

import itertools
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

import cel

from warden.domain import NoData
from warden.errors import Fault, InvalidInput, hint
from warden.i18n import N_
from warden.rules.comparisons import compared, located, strings, without_strings
from warden.rules.context import BY_NAME, Context, Kind, Reason, Value, Variable
from warden.rules.parameters import parameter_faults
from warden.rules.sentences import explained

MAX_CONDITION = 1000
"""Characters a condition may have."""
FUNCTIONS = ("contains", "double", "endsWith", "int", "matches", "size", "startsWith")
"""Named functions a condition may call."""

_OPERATORS = re.compile(r"[^A-Za-z]*_[^A-Za-z]*|@in")
_LOOP = re.compile(r"\.(?:\s|//[^\n]*\n)*(all|exists|exists_one|existsOne|map|filter)\b")
_FAULT = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?(.*?)(?: expecting .*)?$", re.MULTILINE)
_MISPLACED = re.compile(
    r"(?:extraneous input|mismatched input|no viable alternative at input|token recognition error at:) '(?P<token>.*)'"
)
_MISSING = re.compile(r"missing '(?P<token>.*)' at '(?P<before>.*)'")
_END = "<EOF>"
_MEANT = {"=": "==", "and": "&&", "or": "||", "not": "!", "=>": ">=", "=<": "<=", "|": "||", "&": "&&", "<>": "!="}
_FIELD = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\s*\.\s*([A-Za-z_]\w*)\b(?!\s*\()")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NOTHING: Mapping[str, Reason] = {}
_NONE: Mapping[str, float] = {}
_SAMPLES = 4096
_MOST_SECONDS = 1.0  # of processor time for all samples together; a sound condition needs a tenth of that


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was checked. `uses` lists the variables it speaks of, `parameters` the rule's own numbers."""

    text: str
    uses: tuple[str, ...]
    program: cel.Program
    parameters: tuple[str, ...] = ()


def compile_condition(text: str, where: str = "condition", parameters: Mapping[str, float] = _NONE) -> Condition:
    """Compile and check one condition. Raises InvalidInput whose faults say where and what.

    Checked are the syntax, the names of variables, parameters and functions, and the types: those by running the
    condition on samples of every name it uses, since the CEL library types values only when it runs.
    """
    faults = _text_faults(text, where)
    if not faults:
        try:
            program = cel.compile(text)
        except ValueError as error:
            faults = _syntax_faults(str(error), where, text)
    if not faults:
        faults = _name_faults(text, program, where, parameters)
    if not faults:
        names = program.variables()
        uses = tuple(name for name in names if name not in parameters)
        condition = Condition(text, uses, program, tuple(name for name in names if name in parameters))
        faults = _type_faults(condition, where, parameters)
    if faults:
        raise InvalidInput(f"The {where} cannot be used: {faults[0].what}.", faults)
    return condition


def _text_faults(text: str, where: str) -> list[Fault]:
    if not text.strip():
        return [Fault.of(where, N_("it is empty; expected an expression such as late_rate > 0.25"))]
    if len(text) > MAX_CONDITION:
        what = N_("it has %(found)s characters; expected at most %(most)s")
        return [Fault.of(where, what, found=len(text), most=MAX_CONDITION)]
    # Every variable is one value, so loops are of no use, and nested ones run for years within a thousand characters.
    # They are sought inside strings too: where a string ends depends on its kind, and one must not hide a loop.
    loop = _LOOP.search(text)
    if loop is None:
        return []
    return [Fault.of(located(text, loop.start(1), where), N_("%(name)s is a loop; conditions have none"), name=loop[1])]


def _syntax_faults(message: str, where: str, text: str) -> list[Fault]:
    found = _FAULT.search(message)
    if found is None:
        return [Fault.of(where, N_("it is not a CEL expression"))]
    line, column, what = found.groups()
    place = f"{where}, line {line}, column {column}"
    if "Recursion limit" in what:
        return [Fault.of(place, N_("it nests too deep"))]
    if misplaced := _MISPLACED.fullmatch(what.strip()):
        return [_misplaced(misplaced["token"].strip(), place, text)]
    if missing := _MISSING.fullmatch(what.strip()):
        return [_missing(missing["token"], missing["before"], place)]
    plain = what.strip()
    return [Fault(place, plain, N_("it is not a CEL expression: %(said)s"), {"said": plain})]


def _misplaced(token: str, place: str, text: str) -> Fault:
    """Return, in plain words, the fault of something that stands where it cannot, or of an end that came too soon."""
    if token == _END:
        return Fault.of(place, N_("something is missing after %(found)s"), found=text.split()[-1])
    if token in _MEANT:
        what = N_("%(found)s is not expected here; did you mean %(meant)s?")
        return Fault.of(place, what, found=token, meant=_MEANT[token])
    return Fault.of(place, N_("%(found)s is not expected here"), found=token)


def _missing(token: str, before: str, place: str) -> Fault:
    if before == _END:
        return Fault.of(place, N_("%(expected)s is missing at the end"), expected=token)
    return Fault.of(place, N_("%(expected)s is missing before %(found)s"), expected=token, found=before)


def _name_faults(text: str, program: cel.Program, where: str, parameters: Mapping[str, float]) -> list[Fault]:
    faults = []
    for name in program.variables():
        if name not in BY_NAME and name not in parameters:
            meant = hint(name, [*parameters, *BY_NAME])
            what = N_("unknown variable %(name)s; %(hint)s")
            faults.append(Fault.of(_position(text, name, where), what, name=name, hint=meant))
    for name in program.functions():
        if name not in FUNCTIONS and not _OPERATORS.fullmatch(name):
            what = N_("unknown function %(name)s; expected one of %(names)s")
            faults.append(Fault.of(_position(text, name, where), what, name=name, names=", ".join(FUNCTIONS)))
    for found in _FIELD.finditer(without_strings(text)):
        if found[1] in BY_NAME or found[1] in parameters:
            what = N_("%(name)s has no field %(field)s; each variable is one value")
            faults.append(Fault.of(located(text, found.start(2), where), what, name=found[1], field=found[2]))
    return faults or _value_faults(text, where)


def _value_faults(text: str, where: str) -> list[Fault]:
    """Return a fault for each comparison that is the same whatever is known, which a rule would keep to itself."""
    faults = []
    for one in compared(text):
        if one.name not in BY_NAME:
            continue
        variable = BY_NAME[one.name]
        if one.value is None:
            what = N_("%(name)s is never compared with null; while it is not known the rule is not judged, see no_data")
            faults.append(Fault.of(located(text, one.start, where), what, name=one.name))
        elif variable.kind is Kind.STRING and one.sign in ("==", "!=") and not variable.can_be(one.value):
            what = N_("%(name)s is never %(given)s; expected one of %(names)s")
            said = {"name": one.name, "given": one.text, "names": ", ".join(variable.values)}
            if variable.capitals:
                what = N_("%(name)s is never %(given)s; expected a code of %(capitals)s capital letters")
                said = {"name": one.name, "given": one.text, "capitals": str(variable.capitals)}
            faults.append(Fault.of(located(text, one.start, where), what, **said))
    return faults


def _position(text: str, name: str, where: str) -> str:
    """Say where `name` first stands outside a string, lines and columns counted from 1."""
    found = re.search(rf"\b{re.escape(name)}\b", without_strings(text))
    return where if found is None else located(text, found.start(), where)


def _type_faults(condition: Condition, where: str, parameters: Mapping[str, float]) -> list[Fault]:
    latest = time.thread_time() + _MOST_SECONDS
    given = {name: float(parameters[name]) for name in condition.parameters}
    for sample in _samples(condition, tuple(given.values())):
        values = ", ".join(f"{name} = {value!r}" for name, value in sample.items())
        seen = values or {"message": N_("no variables"), "params": {}}
        try:
            result = condition.program.execute({**sample, **given})
        except (TypeError, ValueError, ArithmeticError, RuntimeError, LookupError) as error:
            return [Fault.of(where, N_("it fails for %(seen)s: %(error)s"), seen=seen, error=_cause(error))]
        if not isinstance(result, bool):
            what = N_("it gives %(result)s for %(seen)s; expected true or false")
            return [Fault.of(where, what, result=repr(result), seen=seen)]
        if time.thread_time() > latest:
            return [Fault.of(where, N_("it takes too long; expected simpler patterns in matches"))]
    return []


def _samples(condition: Condition, parameters: Sequence[float]) -> list[dict[str, Any]]:
    """Return values around every literal and parameter of the condition, so that each operand is reached."""
    numbers = [*parameters, *(float(found) for found in _NUMBER.findall(without_strings(condition.text)))]
    words = strings(condition.text)
    columns = [_sample_values(BY_NAME[name], numbers, words) for name in condition.uses]
    size = 1
    for column in columns:
        size *= len(column)
    if size <= _SAMPLES:
        rows: Any = itertools.product(*columns)
    else:
        chance = random.Random(0)  # noqa: S311 - a fixed sample, not a secret
        rows = ([chance.choice(column) for column in columns] for _ in range(_SAMPLES))
    return [dict(zip(condition.uses, map(_plain, row), strict=True)) for row in rows]


def _plain(value: Value) -> Any:
    """Return a value as CEL takes it."""
    return list(value) if isinstance(value, tuple) else value


def _sample_values(variable: Variable, numbers: Sequence[float], words: Sequence[str]) -> list[Value]:
    if variable.kind is Kind.STRING:
        return list(dict.fromkeys([*variable.values, *words, "other"]))
    if variable.kind is Kind.BOOL:
        return [True, False]
    if variable.kind is Kind.STRINGS:
        return [(), *((text,) for text in dict.fromkeys([*words, "other"]))]
    around = [0.0, 1.0, *(number + step for number in numbers for step in (-1.0, 0.0, 1.0))]
    if variable.kind is Kind.INT:
        return list(dict.fromkeys(int(number) for number in around))
    return list(dict.fromkeys(around))


UNKNOWN_MESSAGE = N_("The rule cannot be judged: %(names)s is not known.")
OVER_MESSAGE = N_("The rule cannot be judged any more: %(why)s.")
INHIBITED_MESSAGE = N_("The rule is held back: %(condition)s.")
FAILED_MESSAGE = N_("The rule cannot be judged: its condition failed (%(error)s).")

TYPES_MESSAGE = N_("its types do not fit; numbers are of one kind: write 2.0, not 2")
_CAUSES: Mapping[type[Exception], str] = {
    TypeError: TYPES_MESSAGE,
    ZeroDivisionError: N_("it divides by zero"),
    OverflowError: N_("a number in it becomes too large to calculate with"),
    LookupError: N_("it asks a list for an entry that is not there"),
}
OTHER_MESSAGE = N_("it cannot be evaluated; in the evaluator's own words: %(said)s")
"""Why a condition fails where it runs, by what the CEL library raises; its own words are English."""


class Outcome(StrEnum):
    """What a rule says about one partner now."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"
    OVER = "over"  # not known, and no longer to be waited for
    HELD_BACK = "held_back"  # whatever it would say, it is not to be judged now
    ERROR = "error"  # the condition itself failed


@dataclass(frozen=True, slots=True)
class Verdict:
    """One evaluation. `reason` is set when the outcome is neither met nor unmet."""

    outcome: Outcome
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """What deciding needs of a rule; `dataclasses.replace` gives it other values without compiling it anew.

    `hold` is how long a condition must hold, `linger` how long it must be gone. `no_data` is what becomes of the alert
    once nothing has been known for `grace`. `parameters`: the numbers its condition uses by name.
    """

    key: str
    condition: Condition
    inhibit_when: Condition | None = None
    hold: timedelta = timedelta()
    linger: timedelta = timedelta()
    no_data: NoData = NoData.KEEP
    grace: timedelta = timedelta()
    parameters: Mapping[str, float] = field(default_factory=dict)

    @property
    def uses(self) -> tuple[str, ...]:
        """Every variable a verdict depends on, sorted."""
        return tuple(sorted({*self.condition.uses, *(self.inhibit_when.uses if self.inhibit_when else ())}))

    def seen(self, values: Sequence[Value]) -> dict[str, Value]:
        """Return what a verdict saw, by name: `values` in the order of `uses`, then the parameters it used."""
        given = {*self.condition.parameters, *(self.inhibit_when.parameters if self.inhibit_when else ())}
        numbers = {name: float(self.parameters[name]) for name in sorted(given)}
        return {**dict(zip(self.uses, values, strict=True)), **numbers}


def compile_rule(
    *,
    key: str,
    condition: str,
    inhibit_when: str = "",
    for_seconds: int = 0,
    keep_firing_for_seconds: int = 0,
    no_data: NoData = NoData.KEEP,
    no_data_for_seconds: int = 0,
    parameters: Mapping[str, float] = _NONE,
) -> CompiledRule:
    """Check and compile a whole rule. Raises InvalidInput naming the field at fault."""
    faults = parameter_faults(parameters)
    if faults:
        raise InvalidInput(f"The parameters cannot be used: {faults[0]}.", faults)
    return CompiledRule(
        key,
        compile_condition(condition, parameters=parameters),
        compile_condition(inhibit_when, "inhibit_when", parameters) if inhibit_when.strip() else None,
        timedelta(seconds=for_seconds),
        timedelta(seconds=keep_firing_for_seconds),
        no_data,
        timedelta(seconds=no_data_for_seconds),
        dict(parameters),
    )


def evaluate(rule: CompiledRule, values: Context, over: Mapping[str, Reason] = _NOTHING) -> Verdict:
    """Judge one partner. A null in any variable the condition uses makes the outcome unknown, never false.

    Where one of these nulls is for good (`over`, with the reason of each), so is the outcome. An inhibiting condition
    is judged first; it holds the rule back only when it is known to be true.
    """
    if rule.inhibit_when is not None and not _unknown(rule.inhibit_when, values):
        inhibited = _run(rule.inhibit_when, values, rule.parameters)
        if inhibited is True:
            return _no_verdict(Outcome.HELD_BACK, INHIBITED_MESSAGE, condition=rule.inhibit_when.text)
        if not isinstance(inhibited, bool):
            return _no_verdict(Outcome.ERROR, FAILED_MESSAGE, error=inhibited)
    missing = _unknown(rule.condition, values)
    if missing:
        ended = next((over[name] for name in rule.condition.uses if values[name] is None and name in over), None)
        if ended is not None:
            return _no_verdict(Outcome.OVER, OVER_MESSAGE, why=ended)
        return _no_verdict(Outcome.UNKNOWN, UNKNOWN_MESSAGE, names=explained(missing))
    held = _run(rule.condition, values, rule.parameters)
    if not isinstance(held, bool):
        return _no_verdict(Outcome.ERROR, FAILED_MESSAGE, error=held)
    return Verdict(Outcome.MET if held else Outcome.UNMET)


def _no_verdict(outcome: Outcome, message: str, **params: Any) -> Verdict:
    return Verdict(outcome, {"message": message, "params": params})


def _unknown(condition: Condition, values: Context) -> list[str]:
    return [name for name in condition.uses if values[name] is None]


def _run(condition: Condition, values: Context, parameters: Mapping[str, float]) -> bool | Reason:
    """Return the result, or why there is none: samples cannot reach every value an expression may fail on."""
    given: dict[str, Any] = {name: _plain(values[name]) for name in condition.uses}
    given.update((name, float(parameters[name])) for name in condition.parameters)
    try:
        return bool(condition.program.execute(given))
    except (TypeError, ValueError, ArithmeticError, RuntimeError, LookupError) as error:
        return _cause(error)


def failed(error: InvalidInput) -> Verdict:
    """Return the verdict of a rule that cannot be used at all, with the first of its faults."""
    fault = error.faults[0]
    why: Reason = {"message": fault.message or fault.what, "params": dict(fault.params)}
    return _no_verdict(Outcome.ERROR, FAILED_MESSAGE, error=why)


def _cause(error: Exception) -> Reason:
    message = next((message for kind, message in _CAUSES.items() if isinstance(error, kind)), None)
    if message is not None:
        return {"message": message, "params": {}}
    return {"message": OTHER_MESSAGE, "params": {"said": str(error).splitlines()[0].rstrip(".:")}}
