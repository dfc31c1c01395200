"""The shape of pushed facts, and reading a batch of them fast: one pass over the body's bytes."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.json_schema import models_json_schema

import collectors.base as reported
from collectors.base import expected_of, normalise_key
from collectors.codes import is_currency
from warden.errors import Fault, InvalidInput
from warden.store.visible import is_plain, is_visible
from warden.web.api.shapes import Moment, text
from warden.web.problems import faults_of

MOST_FACTS = 1000
SKEW = timedelta(minutes=5)
"""How far a sender's clock may run ahead of ours."""

FIRST_ZONE = timedelta(hours=14)
"""How far the zone in which a day begins first is ahead of UTC."""


def _sane_day(day: date) -> date:
    if not 1900 <= day.year < 2200:
        raise ValueError("expected a date between the years 1900 and 2199")
    return day


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError("expected a currency code such as TWD (ISO 4217)")
    return code


def _plain(name: str) -> str:
    if not (is_visible(name) and is_plain(name)):
        raise ValueError("expected a name without hidden characters")
    return name


Day = Annotated[date, AfterValidator(_sane_day)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Currency = Annotated[str, Field(json_schema_extra={"pattern": "^[A-Z]{3}$"}), AfterValidator(_currency)]


class _Strict(BaseModel):
    """Reads JSON to the letter: no number for a date, no text for a number, no unknown field."""

    model_config = ConfigDict(extra="forbid", strict=True)


class KeyIn(_Strict):
    """How the sender names a partner."""

    scheme: Annotated[str, text(40)] = Field(examples=["supplier_code"])
    value: Annotated[str, text(320)] = Field(examples=["S-1042"])


class _FactIn(_Strict):
    identity: Annotated[str, text(300)] = Field(
        description="Names this fact at its source. The same identity with other content is a correction.",
        examples=["po-7781/1"],
    )
    at: Moment = Field(description="When it was true; not in the future.")


class MessageIn(_FactIn):
    """One message between us and a partner; never its text."""

    kind: Literal["message"]
    key: KeyIn
    sent: bool = Field(description="True from us, false from the partner.")
    thread: Annotated[str, text(100)] | None = None
    reply_seconds: Annotated[Number, Field(ge=0)] | None = None


class DeliveryIn(_FactIn):
    """One promised delivery, and when it was made. Give `made_on` or `made_at`, neither while it is open."""

    kind: Literal["delivery"]
    key: KeyIn
    due_on: Day
    made_on: Day | None = None
    made_at: Moment | None = None
    quantity: Annotated[Number, Field(ge=0)] | None = None
    amount: Annotated[Decimal, Field(max_digits=18, decimal_places=2)] | None = None
    currency: Currency | None = None


class ArticleIn(_FactIn):
    """One published text, plain. Which partners it names is found out by reading it."""

    kind: Literal["article"]
    url: Annotated[str, text(2000)]
    title: Annotated[str, text(500)]
    summary: Annotated[str, text(5000, 0)] = ""
    outlet: Annotated[str, text(200, 0)] = ""
    language: Annotated[str, text(20)] | None = None
    dated: bool = True


class MeasureIn(_FactIn):
    """One number about a partner under an agreed name."""

    kind: Literal["measure"]
    key: KeyIn
    name: Annotated[str, text(100)] = Field(examples=["satisfaction"])
    value: Number
    unit: Annotated[str, text(40)] | None = None


FactIn = Annotated[MessageIn | DeliveryIn | ArticleIn | MeasureIn, Field(discriminator="kind")]


class FactBatch(_Strict):
    """Facts to write down: all of them, or with a fault in any, none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "erp",
                    "facts": [
                        {
                            "kind": "delivery",
                            "identity": "po-7781/1",
                            "at": "2026-05-04T09:00:00Z",
                            "key": {"scheme": "supplier_code", "value": "S-1042"},
                            "due_on": "2026-05-01",
                            "made_on": "2026-05-04",
                        },
                        {
                            "kind": "message",
                            "identity": "<1@mail.example>",
                            "at": "2026-05-04T09:12:00+08:00",
                            "key": {"scheme": "email", "value": "an@acme.example"},
                            "sent": False,
                        },
                    ],
                }
            ]
        }
    )

    source: Annotated[str, text(100), AfterValidator(_plain)] = Field(
        "api", description="Who pushes; made on first use."
    )
    facts: Annotated[list[FactIn], Field(min_length=1, max_length=MOST_FACTS)]


_ADAPTER = TypeAdapter(FactBatch)
_KINDS = ("message", "delivery", "article", "measure")

SCHEMAS: dict[str, Any] = models_json_schema([(FactBatch, "validation")], ref_template="#/components/schemas/{model}")[
    1
]["$defs"]
"""JSON schemas for the API's description: the body is read by hand, so FastAPI does not know them."""

REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/FactBatch"}}},
}


def read_batch(body: bytes, now: datetime) -> tuple[str, list[reported.Fact]]:
    """Return the source's name and the facts of a body.

    Raises InvalidInput naming every fault by index and field ("facts[3].due_on").
    """
    try:
        batch = _ADAPTER.validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        for detail in details:
            detail["loc"] = tuple(part for at, part in enumerate(detail["loc"]) if at != 2 or part not in _KINDS)
            if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
                detail["loc"], detail["msg"] = (*detail["loc"], "kind"), f"expected one of {', '.join(_KINDS)}"
        raise InvalidInput("The facts are not valid; none was written down.", faults_of(details)) from None
    latest = now + SKEW
    keys: dict[tuple[str, str], reported.Key | str] = {}
    faults: list[Fault] = []
    facts = []
    for index, fact in enumerate(batch.facts):
        key = _key(fact, keys)
        wrong = [*([("key", key)] if isinstance(key, str) else ()), *_wrong(fact, latest)]
        faults += [Fault(f"facts[{index}].{field}", what) for field, what in wrong]
        if not wrong:
            facts.append(_READERS[fact.kind](fact, key))
    if faults:
        raise InvalidInput("The facts are not valid; none was written down.", faults)
    return batch.source, facts


def _wrong(fact: FactIn, latest: datetime) -> Iterator[tuple[str, str]]:
    """Yield every field of a fact that cannot be, each with what is wrong with it."""
    if fact.at > latest:
        yield "at", f"is {fact.at.isoformat()}, in the future; expected when it was true"
    if isinstance(fact, DeliveryIn):
        yield from _wrong_delivery(fact, latest)
    if isinstance(fact, MeasureIn) and (expected := expected_of(fact.name, fact.value)):
        yield "value", f"is {fact.value:g}; expected {expected} of {fact.name}"
    if isinstance(fact, ArticleIn) and not fact.url.startswith(("https://", "http://")):
        yield "url", "expected an address that begins with https:// or http://"


def _wrong_delivery(fact: DeliveryIn, latest: datetime) -> Iterator[tuple[str, str]]:
    if fact.made_on is not None and fact.made_at is not None:
        yield "made_at", "came with made_on; expected only one of the two"
    if fact.made_at is not None and fact.made_at > latest:
        yield "made_at", f"is {fact.made_at.isoformat()}, in the future; expected when it was made"
    # Where the day begins first it is already tomorrow: the partner's zone is not known yet.
    if fact.made_on is not None and fact.made_on > (latest + FIRST_ZONE).date():
        yield "made_on", f"is {fact.made_on.isoformat()}, in the future; expected the day it was made"


def _key(fact: FactIn, known: dict[tuple[str, str], reported.Key | str]) -> reported.Key | str | None:
    """Return a fact's key, or what is wrong with it. `known`: those read before."""
    if isinstance(fact, ArticleIn):
        return None
    raw = (fact.key.scheme, fact.key.value)
    if raw not in known:
        try:
            known[raw] = normalise_key(*raw)
        except ValueError as error:
            known[raw] = str(error)
    return known[raw]


def _message(fact: Any, key: Any) -> reported.Fact:
    return reported.Message(
        identity=fact.identity,
        key=key,
        at=fact.at,
        sent=fact.sent,
        thread=fact.thread,
        reply_seconds=fact.reply_seconds,
    )


def _delivery(fact: Any, key: Any) -> reported.Fact:
    return reported.Delivery(
        identity=fact.identity,
        key=key,
        at=fact.at,
        due_on=fact.due_on,
        made_on=fact.made_on,
        made_at=fact.made_at,
        quantity=fact.quantity,
        amount=fact.amount,
        currency=fact.currency,
    )


def _article(fact: Any, _key: Any) -> reported.Fact:
    return reported.Article(
        identity=fact.identity,
        at=fact.at,
        url=fact.url,
        title=fact.title,
        summary=fact.summary,
        outlet=fact.outlet,
        language=fact.language,
        dated=fact.dated,
    )


def _measure(fact: Any, key: Any) -> reported.Fact:
    return reported.Measure(
        identity=fact.identity, key=key, at=fact.at, name=fact.name, value=fact.value, unit=fact.unit
    )


_READERS: dict[str, Callable[[Any, Any], reported.Fact]] = {
    "message": _message,
    "delivery": _delivery,
    "article": _article,
    "measure": _measure,
}
