"""Learns from what came of earlier likelihoods, and speaks in a scorer's place once there is enough to learn from.

One family of models, fitted to the rows of a walk (scorers.walk) by penalised likelihood:

    log-odds = a + b·L + Σ w·z,      minimise  −loglik + λ/2·((b − 1)² + Σ w²),   λ = 10,  b > 0

L is the default's log-odds and z its standardised evidence. Centred on a = 0, b = 1, w = 0 it *is* the default, and it
moves away only as far as the past demands. Without evidence it is a recalibration in two parameters (Platt 1999;
Niculescu-Mizil & Caruana 2005). Which of the three forms speaks is decided by `learn`; why, it says itself.

Weekly rows overlap, so that one deterioration is in horizon/7 of them. The gates therefore count deteriorations, and a
row weighs 7/horizon in the likelihood: together the rows of one deterioration weigh as much as one observation. On two
real streams of mail, rows that weighed 1 made worse models in nine draws of ten.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from scorers.base import HIGHEST, LOWEST, Floats, Index, Mask, Scores, logit, sigmoid
from scorers.walk import QUARTER_DAYS, STEP_DAYS, Rows, deteriorations

Form = Literal["default", "recalibrated", "supervised"]
Matrix = NDArray[np.float64]

ENOUGH_TO_RECALIBRATE = 50
"""Matured deteriorations from which on the default is recalibrated."""

ENOUGH_TO_SUPERVISE = 100
"""Matured deteriorations from which on evidence may be weighed anew …"""

ENOUGH_QUARTERS = 4.0
"""… if what is trained on reaches over so many quarters: models trained on less ranked far below the default …"""

TRIAL_WEEKS = 26
"""… and if it beats the others in so many last matured weeks, on partners it was not trained on …"""

ENOUGH_IN_TRIAL = 10
"""… in which so many deteriorations began: fewer cannot tell two models apart."""

TOLERATED = 0.01
"""A recalibration that did worse in a trial by more than this share of the log loss does not speak: the past it was
fitted to was another. Less than that two coefficients cost by chance."""

FOLDS = 5
"""The trial goes round: each fifth of the partners is judged by models trained on the other four."""

PENALTY = 10.0
INTERCEPT_PENALTY = 0.01
"""Next to nothing; it keeps `a` finite where everything or nothing began."""

LEAST_SLOPE = 0.1
"""b stays above this: a likelihood that ranks backwards is a fault to be found, not to be turned round."""

OUTLYING = 4.0
"""Standardised evidence is cut at so many standard deviations: a model must not run away on what it never saw."""

NEWTON_STEPS, CLOSE_ENOUGH = 50, 1e-10

OWN_PAST = "own_past"
"""Name of the contribution that holds all that was learned beyond the weight of the default."""

UNLEARNED_MESSAGE = "the default formula speaks: nothing has been learned yet"
FEW_MESSAGE = "the default formula speaks: %(positives)s cases to learn from have matured, %(needed)s are needed"
OTHER_VERSION_MESSAGE = (
    "the default formula speaks: what was learned belongs to its version %(learned)s, and this is version %(version)s"
)
RECALIBRATED_MESSAGE = (
    "the default formula speaks, recalibrated on %(positives)s cases of our own; weighing anew needs %(needed)s"
)
WORSE_MESSAGE = (
    "the default formula speaks: recalibrated on the older of our %(positives)s cases, "
    "it was worse by %(worse_share)s (log loss) on partners it had not seen"
)
SHORT_MESSAGE = (
    "the default formula speaks, recalibrated on %(positives)s cases of our own; "
    "weighing anew needs %(needed)s quarters to train on, there are %(quarters)s"
)
UNTRIED_MESSAGE = (
    "the default formula speaks, recalibrated on %(positives)s cases of our own; "
    "for a trial, %(trial)s of %(needed)s cases have matured in the last %(weeks)s weeks"
)
BEATEN_MESSAGE = (
    "the default formula speaks, recalibrated on %(positives)s cases of our own: "
    "on partners it had not seen, a model learned from them was worse by %(worse_share)s (log loss)"
)
SUPERVISED_MESSAGE = (
    "a model learned from %(positives)s cases of our own speaks: "
    "on partners it had not seen, it was better than the default formula by %(better_share)s, "
    "and than that recalibrated by %(recalibrated_share)s (log loss)"
)


BEATEN_FORMS = (("better_share", "default"), ("recalibrated_share", "recalibrated"))
"""Which figure of SUPERVISED_MESSAGE compares with which form."""


@dataclass(frozen=True, slots=True)
class Model:
    """Coefficients of one fit. `names`, `mean`, `scale` and `weights` are those of the evidence, one each."""

    intercept: float
    slope: float
    names: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()

    def arrays(self) -> dict[str, Any]:
        """Return the coefficients as JSON values; `Model(**arrays)` after `read` gives them back to the digit."""
        return {
            "intercept": self.intercept,
            "slope": self.slope,
            "names": list(self.names),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "weights": list(self.weights),
        }

    @classmethod
    def read(cls, arrays: Mapping[str, Any]) -> "Model":
        """Return the model whose `arrays` these are."""
        return cls(
            arrays["intercept"],
            arrays["slope"],
            *(tuple(arrays[name]) for name in ("names", "mean", "scale", "weights")),
        )

    def beyond(self, evidence: Mapping[str, Floats | NDArray[np.float32]], partners: int) -> Floats:
        """Return a + Σ w·z, `(n,)`; evidence that is not known counts as average."""
        total = np.full(partners, self.intercept)
        for name, mean, scale, weight in zip(self.names, self.mean, self.scale, self.weights, strict=True):
            total += weight * _standardised(np.asarray(evidence[name], dtype=np.float64), mean, scale)
        return total


@dataclass(frozen=True, slots=True)
class Speaker:
    """What speaks for an outcome: the default, or a learned model in its place. `number` is the learned row's."""

    number: int | None = None
    form: Form = "default"
    why: Mapping[str, Any] | None = None  # {"message": msgid, "params": {…}}
    model: Model = Model(0.0, 1.0)

    def speak(self, scores: Scores) -> Scores:
        """Return the scores as this model sees them; what was unknown stays unknown.

        Contributions still sum to logit(value): the scorer's, each times b, and "own_past", all else that was learned.
        """
        if self.form == "default":
            return scores
        beyond = self.model.beyond(evidence(scores), len(scores.value))
        value = np.clip(sigmoid(self.model.slope * logit(scores.value) + beyond), LOWEST, HIGHEST)
        parts = {name: self.model.slope * part for name, part in scores.contributions.items() if name != "limit"}
        parts[OWN_PAST] = np.where(np.isnan(value), np.nan, beyond)
        parts["limit"] = logit(value) - np.sum(list(parts.values()), axis=0)
        return replace(scores, value=value, contributions=parts)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the past taught about one outcome.

    arrays: of the model that may speak; empty for the default.
    report: "why" {"message", "params"}; "positives" (deteriorations), "rows" and "partners" learned from; "quarters" in
        training; "trial": None, or "rows", "positives" and the log loss of each form by its name.
    """

    form: Form
    arrays: dict[str, Any]
    report: dict[str, Any]


def evidence(scores: Scores) -> dict[str, Floats]:
    """Return what a scorer's word rests on, `(n,)` each: contributions, ln(1 + sample), measured figures.

    Figures can be days, counts or shares of any size: their logarithm, with the sign kept, tames the largest.
    """
    found = {f"part {name}": part for name, part in scores.contributions.items() if name != "limit"}
    found["sample"] = np.log1p(scores.sample)
    return found | {f"figure {name}": np.sign(v) * np.log1p(np.abs(v)) for name, v in scores.measured.items()}


def folds(keys: Iterable[bytes]) -> Index:
    """Return the fold `(n,)` of each partner, 0 to FOLDS - 1, by a hash of its key: the same at every training."""
    return np.array([hashlib.sha256(key).digest()[0] % FOLDS for key in keys], dtype=np.intp)


def learn(rows: Rows, fold: Index) -> Lesson:
    """Decide which form may speak, fit it on all matured rows, and say why.

    `rows` are those of a walk with `evidence` as their figures; `fold` `(n,)` is of the panel's partners.
    """
    rows = rows.where(~np.isnan(rows.value))
    report: dict[str, Any] = {"positives": _cases(rows), "rows": len(rows)}
    report |= {"partners": int(np.unique(rows.partner).size), "quarters": None, "trial": None}
    if report["positives"] < ENOUGH_TO_RECALIBRATE:
        return _lesson("default", None, report, FEW_MESSAGE, needed=ENOUGH_TO_RECALIBRATE)
    training, tested = split(rows)
    report["quarters"] = _quarters(rows.column[training])
    tested_cases = _cases(rows.where(tested))
    if min(tested_cases, _cases(rows.where(training))) >= ENOUGH_IN_TRIAL:
        report["trial"] = {"rows": int(tested.sum()), "positives": tested_cases, **_trial(rows, fold, training, tested)}
    trial = report["trial"]
    if (short := _falls_short(report, tested_cases)) is None:
        better = {name: 1 - trial["supervised"] / trial[form] for name, form in BEATEN_FORMS}
        return _lesson("supervised", fit(rows, known_figures(rows)), report, SUPERVISED_MESSAGE, **better)
    if trial and (worse := trial["recalibrated"] / trial["default"] - 1) > TOLERATED:
        return _lesson("default", None, report, WORSE_MESSAGE, worse_share=worse)
    message, params = short
    return _lesson("recalibrated", fit(rows), report, message, **params)


def _falls_short(report: Mapping[str, Any], tested_cases: int) -> tuple[str, dict[str, float]] | None:
    """Return why evidence may not be weighed anew, with the figures; None when it may."""
    trial = report["trial"]
    if report["positives"] < ENOUGH_TO_SUPERVISE:
        return RECALIBRATED_MESSAGE, {"needed": ENOUGH_TO_SUPERVISE}
    if report["quarters"] < ENOUGH_QUARTERS:
        return SHORT_MESSAGE, {"needed": ENOUGH_QUARTERS, "quarters": report["quarters"]}
    if trial is None:
        return UNTRIED_MESSAGE, {"trial": tested_cases, "needed": ENOUGH_IN_TRIAL, "weeks": TRIAL_WEEKS}
    best = min(trial["default"], trial["recalibrated"])
    if trial["supervised"] >= best:
        return BEATEN_MESSAGE, {"worse_share": trial["supervised"] / best - 1}
    return None


def split(rows: Rows) -> tuple[Mask, Mask]:
    """Return (training, tested), `(m,)` each: the last TRIAL_WEEKS, and the weeks that had matured when they began."""
    first = int(rows.column.max()) - STEP_DAYS * (TRIAL_WEEKS - 1)
    return rows.column + rows.horizon <= first, rows.column >= first


def tried(rows: Rows, fold: Index, training: Mask, tested: Mask) -> dict[str, Floats]:
    """Return the log-odds that each form gives the tested rows, by its name, fitted on training rows of other folds."""
    target = rows.where(tested)
    own = fold[target.partner]
    said = {"default": logit(target.value), "recalibrated": np.zeros(len(target)), "supervised": np.zeros(len(target))}
    for number in range(FOLDS):
        unseen = own == number
        if not unseen.any():
            continue
        seen = rows.where(training & (fold[rows.partner] != number))
        judged = target.where(unseen)
        for name, names in (("recalibrated", ()), ("supervised", known_figures(rows))):
            said[name][unseen] = predict(fit(seen, names), judged)
    return said


def predict(model: Model, rows: Rows) -> Floats:
    """Return the model's log-odds `(m,)`, within the limits of a likelihood."""
    log_odds = model.slope * logit(rows.value) + model.beyond(rows.figures, len(rows))
    return np.clip(log_odds, *logit(np.array([LOWEST, HIGHEST])))


def log_loss(log_odds: Floats, began: Mask, weight: Floats) -> float:
    """Return the weighted mean of −ln(probability given to what happened), in nats."""
    return float(np.average(np.logaddexp(0.0, np.where(began, -log_odds, log_odds)), weights=weight))


def known_figures(rows: Rows) -> tuple[str, ...]:
    """Return the names of the evidence that is known in every row."""
    return tuple(sorted(name for name, values in rows.figures.items() if np.isfinite(values).all()))


def fit(rows: Rows, names: Iterable[str] = ()) -> Model:
    """Fit the coefficients to rows whose values are all known; `names` are the evidence to weigh, none by default."""
    if not len(rows):
        return Model(0.0, 1.0)
    chosen, mean, scale, columns = [], [], [], []
    for name in names:
        values = rows.figures[name].astype(np.float64)
        if (spread := float(values.std())) > 1e-6 * max(1.0, float(np.abs(values).max())):
            chosen.append(name)
            mean.append(float(values.mean()))
            scale.append(spread)
            columns.append(_standardised(values, mean[-1], spread))
    log_odds, weight = logit(rows.value), _weight(rows)
    inputs = np.stack([np.ones(len(rows)), log_odds, *columns], axis=1)
    found = _minimum(inputs, np.zeros(len(rows)), rows.began, weight, _around(len(columns)))
    if found[1] < LEAST_SLOPE:
        rest = np.delete(inputs, 1, axis=1)
        around = tuple(np.delete(part, 1) for part in _around(len(columns)))
        found = np.insert(_minimum(rest, LEAST_SLOPE * log_odds, rows.began, weight, around), 1, LEAST_SLOPE)
    intercept, slope, *weights = found.tolist()
    return Model(intercept, slope, tuple(chosen), tuple(mean), tuple(scale), tuple(weights))


def _around(figures: int) -> tuple[Floats, ...]:
    """Return (centre, penalty) of the coefficients: the intercept, the slope and one per figure."""
    centre = np.array([0.0, 1.0, *[0.0] * figures])
    return centre, np.array([INTERCEPT_PENALTY, PENALTY, *[PENALTY] * figures])


def _minimum(inputs: Matrix, offset: Floats, began: Mask, weight: Floats, around: tuple[Floats, ...]) -> Floats:
    """Return the coefficients that minimise the penalised loss, by Newton's method with halved steps (it is convex)."""
    centre, penalty = around
    found = centre.copy()

    def loss(at: Floats) -> float:
        log_odds = inputs @ at + offset
        missed = np.logaddexp(0.0, np.where(began, -log_odds, log_odds)) @ weight
        return float(missed + 0.5 * penalty @ (at - centre) ** 2)

    now = loss(found)
    for _ in range(NEWTON_STEPS):
        p = sigmoid(inputs @ found + offset)
        slope = inputs.T @ (weight * (p - began)) + penalty * (found - centre)
        curvature = (inputs * (weight * p * (1 - p))[:, None]).T @ inputs + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        while (then := loss(found - step)) > now and np.abs(step).max() > CLOSE_ENOUGH:
            step = step / 2
        if then > now or np.abs(step).max() <= CLOSE_ENOUGH:
            break
        found, now = found - step, then
    return found


def _trial(rows: Rows, fold: Index, training: Mask, tested: Mask) -> dict[str, float]:
    target = rows.where(tested)
    weight = _weight(target)
    said = tried(rows, fold, training, tested)
    return {name: log_loss(log_odds, target.began, weight) for name, log_odds in said.items()}


def _weight(rows: Rows) -> Floats:
    return np.minimum(STEP_DAYS / rows.horizon, 1.0)


def _standardised(values: Floats, mean: float, scale: float) -> Floats:
    return np.nan_to_num(np.clip((values - mean) / scale, -OUTLYING, OUTLYING), nan=0.0)


def _cases(rows: Rows) -> int:
    return int(deteriorations(rows).max(initial=-1)) + 1


def _quarters(columns: Index) -> float:
    return (int(columns.max()) - int(columns.min()) + STEP_DAYS) / QUARTER_DAYS if columns.size else 0.0


def _lesson(form: Form, model: Model | None, report: dict[str, Any], message: str, **params: float) -> Lesson:
    spoken = {"positives": report["positives"], **params}
    why = {"message": message, "params": {name: value for name, value in spoken.items() if f"%({name})s" in message}}
    return Lesson(form, model.arrays() if model else {}, {"why": why, **report})
