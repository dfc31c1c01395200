"""Rules as pure functions: what a condition may speak of, judging one partner, and the states a verdict leads to.

Nothing here reads a clock or a database. docs/rules.md shows the same tables to people.
"""

from warden.rules.conditions import (
    FUNCTIONS,
    CompiledRule,
    Condition,
    Outcome,
    Verdict,
    compile_condition,
    compile_rule,
    evaluate,
)
from warden.rules.context import (
    VARIABLES,
    Context,
    Kind,
    Reason,
    Value,
    Variable,
    context,
    heaviest_unknown,
    named,
    over,
)
from warden.rules.states import Status, Transition, because, decision_key, retire, step

__all__ = [
    "FUNCTIONS",
    "VARIABLES",
    "CompiledRule",
    "Condition",
    "Context",
    "Kind",
    "Outcome",
    "Reason",
    "Status",
    "Transition",
    "Value",
    "Variable",
    "Verdict",
    "because",
    "compile_condition",
    "compile_rule",
    "context",
    "decision_key",
    "evaluate",
    "heaviest_unknown",
    "named",
    "over",
    "retire",
    "step",
]
