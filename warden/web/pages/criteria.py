"""Risk criteria: what holds for everybody, a tier or one partner, where each value comes from, and forms to set it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from sqlalchemy.orm import Session

from warden.domain import Scope
from warden.errors import Fault, InvalidInput, NotFound
from warden.models import Criterion
from warden.store import criteria, partners
from warden.store.criteria import Effective, Source, Whose
from warden.web.bounds import check_form
from warden.web.deps import Read, Write
from warden.web.fields import FieldInfo, fields_of
from warden.web.limits import in_use
from warden.web.outcomes import stated
from warden.web.pages.drawing import Asked, Manager, View, Viewer, Written, see_other
from warden.web.pages.entry import Entry, parsed
from warden.web.pages.fault_words import Told, told

router = APIRouter()

Name = Annotated[str, Query(max_length=40)]


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a criterion is set for: `whose` has what is set there, `wider` what would hold otherwise."""

    scope: Scope
    subject: str
    called: str  # the tier, the partner's name, or ""
    whose: Whose | None
    wider: Whose | None

    @property
    def query(self) -> str:
        """Return how an address names it."""
        return urlencode({"scope": self.scope.value, "subject": self.subject})


@dataclass(frozen=True, slots=True)
class Held:
    """A criterion as it holds: (field, its value, where that comes from), and in words, if an outcome is looked at."""

    name: str
    rows: Sequence[tuple[FieldInfo, Any, Source]]
    statement: Mapping[str, Any] | None

    @property
    def fields(self) -> Mapping[str, FieldInfo]:
        """Return the fields by name."""
        return {field.name: field for field, _value, _source in self.rows}


@router.get("/criteria", response_model=None)
def list_criteria(view: Viewer, session: Read, ended: bool = False) -> Response:
    """Show what holds for everybody, and everything that was set."""
    rows = criteria.listing(session, history=ended)
    held = [_held(view, session, name, None) for name in criteria.shipped()]
    return view.page(
        "criteria.html",
        held=held,
        set_by_name={name: [row for row in rows if row.name == name] for name in criteria.shipped()},
        names=_names(session, rows),
        tiers=partners.tiers(session),
        ended=ended,
    )


@router.get("/partners/{partner_id}/criteria", response_model=None)
def list_partner_criteria(view: Viewer, session: Read, partner_id: uuid.UUID) -> Response:
    """Show every value that holds for one partner, and where it comes from."""
    partner = partners.get(session, partner_id)
    whose = (partner.id, partner.tier)
    held = [_held(view, session, name, whose) for name in criteria.shipped()]
    return view.page("partner_criteria.html", partner=partner, held=held)


@router.get("/criteria/{name}", response_model=None)
def show_criterion(view: Viewer, session: Read, name: str, scope: Asked = "portfolio", subject: Asked = "") -> Response:
    """Show one criterion for one scope, with the form to set it."""
    return _draw(view, session, name, _holder(session, scope, subject))


async def _typed(request: Request) -> Mapping[str, str]:
    """Return the form as it came: its fields follow from the criterion."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


@router.post("/criteria/{name}", response_model=None)
def put_criterion(
    view: Manager,
    typed: Annotated[Mapping[str, str], Depends(_typed)],
    session: Write,
    name: str,
    scope: Annotated[str, Form(max_length=20)] = "portfolio",
    subject: Written = "",
    reason: Written = "",
    tag: Written = "",
) -> Response:
    """Set a criterion from now on, unless somebody did meanwhile; with every field left empty what was set ends."""
    holder = _holder(session, scope, subject)
    criteria.lock(session)  # what is compared must not be changed before it is used
    check_form(tag, _tag(criteria.listing(session, name, holder.scope, holder.subject)), "The criterion")
    try:
        data = parsed(_fields(name), typed)
        if data:
            criteria.refuse_unknown_tier(session, holder.scope, holder.subject)
            criteria.put(session, name, holder.scope, holder.subject, data, author=view.by, reason=reason, now=view.now)
        else:
            _end(session, view, name, holder)
    except InvalidInput as error:
        return _draw(view, session, name, holder, typed=typed, wrong=error.faults)
    return see_other(f"/criteria/{name}?{holder.query}")


def _tag(rows: Sequence[Criterion]) -> str:
    """Return what names the criterion that is set, or that none is."""
    return next((str(row.id) for row in rows if row.ended_at is None), "none")


def _end(session: Session, view: View, name: str, holder: Holder) -> None:
    for row in criteria.listing(session, name, holder.scope, holder.subject):
        criteria.end(session, row.id, view.by, view.now)


def _draw(
    view: View,
    session: Session,
    name: str,
    holder: Holder,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Sequence[Fault] = (),
) -> Response:
    fields = _fields(name)
    said = criteria.listing(session, name, holder.scope, holder.subject, history=True)
    current = next((row for row in said if row.ended_at is None), None)
    own = current.data if current else {}
    otherwise = _otherwise(view, session, name, holder)
    faults: dict[str, list[Told]] = {}
    for fault in wrong:
        field_name = fault.where.split(".")[0].split("[")[0]
        faults.setdefault(field_name, []).append(told(view.reader, fault, field_name))
    return view.page(
        "criterion.html",
        422 if wrong else 200,
        name=name,
        holder=holder,
        rows=[Entry(field, otherwise[field.name], own, typed, tuple(faults.pop(field.name, ()))) for field in fields],
        others=[fault for several in faults.values() for fault in several],
        current=current,
        tag=(typed or {}).get("tag") or _tag(said),
        reason=(typed or {}).get("reason", ""),
        past=[row for row in said if row.ended_at is not None],
        fields={field.name: field for field in fields},
    )


def _holder(session: Session, scope: str, subject: str) -> Holder:
    """Return whom an address speaks of. Raises NotFound."""
    subject = subject.strip()
    if scope == Scope.PARTNER:
        try:
            partner = partners.get(session, uuid.UUID(subject))
        except ValueError:
            raise NotFound(f"There is no partner {subject!r}.") from None
        return Holder(Scope.PARTNER, subject, partner.name, (partner.id, partner.tier), (None, partner.tier))
    if scope == Scope.TIER and 0 < len(subject) <= 40:
        return Holder(Scope.TIER, subject, subject, (None, subject), None)
    if scope == Scope.PORTFOLIO and not subject:
        return Holder(Scope.PORTFOLIO, "", "", None, None)
    raise NotFound("There is no such scope.")


def _fields(name: str) -> list[FieldInfo]:
    if name not in criteria.shipped():
        raise NotFound(f"There are no criteria named {name!r}.")
    return fields_of(name)


def _otherwise(view: View, session: Session, name: str, holder: Holder) -> Mapping[str, Any]:
    """Return the values that hold where fields are left empty."""
    if holder.scope is Scope.PORTFOLIO:
        wider = Effective(criteria.shipped()[name](), enabled=True, sources={})
    else:
        wider = criteria.effective(session, name, holder.wider, view.now)
    return in_use(session, view.services.settings, name, wider, view.now).values


def _held(view: View, session: Session, name: str, whose: Whose | None) -> Held:
    held = criteria.effective(session, name, whose, view.now)
    used = in_use(session, view.services.settings, name, held, view.now)
    rows = [(field, used.values[field.name], used.sources[field.name]) for field in fields_of(name)]
    is_outcome = name not in (criteria.IMPACT, criteria.PLACEMENT)
    return Held(name, rows, stated(name, held.options.model_dump()) if is_outcome and held.enabled else None)


def _names(session: Session, rows: Sequence[Criterion]) -> dict[str, str]:
    """Return the names of the partners that criteria are set for, by id."""
    wanted = {uuid.UUID(row.subject) for row in rows if row.scope is Scope.PARTNER}
    return {str(partner_id): name for partner_id, name in partners.named(session, wanted).items()}
