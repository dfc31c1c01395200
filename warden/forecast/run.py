"""From three files to one: the whole of a forecast."""

from dataclasses import dataclass
from pathlib import Path

from warden.errors import InvalidInput
from warden.forecast import bands, output
from warden.forecast.inputs import read_keys, read_observations, read_outcomes
from warden.forecast.panels import Portfolio, TooLarge
from warden.forecast.predict import answers
from warden.lines import Faults, refuse_unless_writable

REFUSAL = "Nothing was forecast: the files cannot be used as they are."


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it."""

    keys: int
    unknown: int  # of these, how many have the portfolio's likelihood


def forecast(observations: Path, keys: Path, outcomes: Path, out: Path, *, explain: bool = False) -> Written:
    """Read observations, keys and outcomes; write a likelihood for every key to `out`.

    Raises InvalidInput with every fault's file, line and column, and OSError; then `out` is as it was.
    """
    refuse_unless_writable(out, [observations, keys, outcomes])
    faults = Faults(REFUSAL)
    asked = read_outcomes(outcomes, faults)
    understood = {} if faults.count else asked  # else every key of a faulty outcome would be one more fault
    questions = read_keys(keys, understood, faults)
    observed = read_observations(observations, understood, faults)
    faults.stop()
    try:
        portfolio = Portfolio(observed, max(key.at for key in questions))
    except TooLarge as error:
        raise InvalidInput(f"{observations.name} is too large to hold in memory: {error}.") from error
    found = answers(portfolio, questions, asked)
    output.write(out, questions, found, bands.bands(questions, found), explain=explain)
    return Written(len(found), sum(not answer.known for answer in found))
