"""Pydantic's errors as faults whose sentences the catalogues know. It validates nothing itself."""

from collections.abc import Mapping

from pydantic_core import ErrorDetails

from warden.errors import Fault
from warden.i18n import N_

EXPECTED: Mapping[str, str] = {
    "float_type": N_("found %(found)s; expected a number"),
    "int_type": N_("found %(found)s; expected a whole number"),
    "bool_type": N_("found %(found)s; expected true or false"),
    "string_type": N_("found %(found)s; expected a text"),
    "list_type": N_("found %(found)s; expected a list"),
    "dict_type": N_("found %(found)s; expected an object"),
    "model_type": N_("found %(found)s; expected an object"),
    "greater_than": N_("found %(found)s; expected more than %(gt)s"),
    "greater_than_equal": N_("found %(found)s; expected at least %(ge)s"),
    "less_than": N_("found %(found)s; expected less than %(lt)s"),
    "less_than_equal": N_("found %(found)s; expected at most %(le)s"),
    "too_short": N_("found %(found)s; expected at least %(min_length)s items"),
    "too_long": N_("found %(found)s; expected at most %(max_length)s items"),
    "string_too_short": N_("found %(found)s; expected at least %(min_length)s characters"),
    "string_too_long": N_("found %(found)s; expected at most %(max_length)s characters"),
    "string_pattern_mismatch": N_("found %(found)s; expected a text of the form %(pattern)s"),
    "literal_error": N_("found %(found)s; expected one of %(expected)s"),
    "missing": N_("is missing"),
    "extra_forbidden": N_("is not a field"),
}
"""What pydantic's kinds of error say."""

OTHER_MESSAGE = N_("found %(found)s; %(said)s")


def fault_of(details: ErrorDetails, together: str) -> Fault:
    """Return one error as a fault; `together` is the place of one that lies in no single field."""
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in details["loc"]).removeprefix(".")
    context = details.get("ctx", {})
    found = f"{details['input']!r:.80}"
    if details["type"] == "told":  # in the words of a scorer, see scorers.base.refusal
        said = {"message": context["message"], "params": context["params"]}
        if not where:  # of several fields, which the sentence names
            return Fault.of(together, said["message"], **said["params"])
        return Fault.of(where, OTHER_MESSAGE, found=found, said=said)
    message = EXPECTED.get(details["type"])
    if message is None:
        return Fault.of(where or together, OTHER_MESSAGE, found=found, said=details["msg"])
    params = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
    return Fault.of(where or together, message, found=found, **params)
