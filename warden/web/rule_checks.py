"""Checks a whole rule before it is stored: fields, condition, parameters, inhibitions, with the place of each fault."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from warden.errors import Fault, InvalidInput
from warden.pipeline import fitting
from warden.rules import blind_faults, compile_rule, inhibition_faults, parameter_faults
from warden.store import rule_versions, rules


def faults_of(session: Session, key: str, definition: Mapping[str, Any]) -> list[Fault]:
    """Return everything that is wrong with the definition of the rule `key`; what is left out is not looked at."""
    found = [*rule_versions.key_faults(key), *rules.faults(definition)]
    parameters = definition.get("parameters", {})
    found += parameter_faults(parameters)
    if "inhibited_by" in definition:
        found += inhibition_faults(definition["inhibited_by"], key, *rules.inhibition_terms(session))
    if "condition" in definition and not any(fault.where.startswith("parameters") for fault in found):
        numbers = {name: float(value) for name, value in parameters.items()}
        wrong = [
            fault
            for field in ("condition", "inhibit_when")
            for fault in _condition_faults(key, field, definition.get(field, ""), numbers)
        ]
        found += wrong or [*blind_faults(definition), *fitting.unfit_for_good(session, definition)]
    return found


def refuse_faults(session: Session, key: str, definition: Mapping[str, Any]) -> None:
    """Raise InvalidInput with every fault of a definition, unless there is none."""
    found = faults_of(session, key, definition)
    if found:
        raise InvalidInput(f"The rule cannot be used: {found[0]}.", found)


def _condition_faults(key: str, field: str, text: str, parameters: Mapping[str, float]) -> list[Fault]:
    """Return the faults of one condition; each field is compiled alone, so that the faults of both are told."""
    if field == "inhibit_when" and not text.strip():
        return []
    try:
        if field == "condition":
            compile_rule(key=key, condition=text, parameters=parameters)
        else:
            compile_rule(key=key, condition="true", inhibit_when=text, parameters=parameters)
    except InvalidInput as error:
        return list(error.faults)
    return []
