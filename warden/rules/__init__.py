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
    failed,
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
    kinds_of,
    named,
    over,
)
from warden.rules.idle import blind_faults, unused_parameters
from warden.rules.inhibition import inhibition_faults
from warden.rules.parameters import parameter_faults
from warden.rules.states import (
    OPEN,
    Status,
    Transition,
    because,
    becomes_unstable,
    decision_key,
    due,
    is_steady,
    retire,
    step,
)

__all__ = [
    "FUNCTIONS",
    "OPEN",
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
    "becomes_unstable",
    "blind_faults",
    "compile_condition",
    "compile_rule",
    "context",
    "decision_key",
    "due",
    "evaluate",
    "failed",
    "heaviest_unknown",
    "inhibition_faults",
    "is_steady",
    "kinds_of",
    "named",
    "over",
    "parameter_faults",
    "retire",
    "step",
    "unused_parameters",
]
