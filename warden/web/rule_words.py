"""How rules, their fields and rehearsals are called on pages. Texts only, no decisions."""

from warden.domain import NoData
from warden.i18n import N_
from warden.pipeline.hindsight import How
from warden.pipeline.recorded import CALLED_RIGHT, COMPLIANCE, SERIOUS_EVENT
from warden.web.words import SIGNALS

FIELDS = {
    "names": N_("Name"),
    "descriptions": N_("What it means"),
    "condition": N_("Condition"),
    "inhibit_when": N_("Held back while"),
    "for_seconds": N_("Has to hold for"),
    "keep_firing_for_seconds": N_("Stays open after it ceased for"),
    "severity": N_("Severity"),
    "parameters": N_("Parameters"),
    "no_data": N_("When nothing is known"),
    "no_data_for_seconds": N_("Once nothing has been known for"),
    "inhibited_by": N_("Not told while another rule fires"),
    "meeting_within_days": N_("Asks for an executive meeting"),
    "enabled": N_("Switched on"),
}

NO_DATA = {
    NoData.KEEP: N_("what is open stays open"),
    NoData.RESOLVE: N_("what is open ends"),
    NoData.ALERT: N_("it fires and says that nothing is known"),
}

HOWS = {
    How.RIGHT: N_("right"),
    How.FALSE: N_("false alarm"),
    How.OPEN: N_("not to be judged yet"),
    How.STANDING: N_("stood already"),
}

KINDS = {
    **SIGNALS,
    SERIOUS_EVENT: N_("Grave event in public"),
    COMPLIANCE: N_("Compliance incident"),
    CALLED_RIGHT: N_("Alert that people called right"),
}

WHOSE = {
    "both": N_("both versions"),
    "here": N_("only this version"),
    "there": N_("only the version in use"),
}

CHANGES = {
    "starts": N_("would begin to hold"),
    "stops": N_("would no longer hold"),
    "unknown": N_("could not be judged"),
    "known": N_("could be judged again"),
}
