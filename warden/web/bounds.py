"""What the API and the pages both hold a request to: what can be stored, and the tag of what it was made from."""

import re
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any

from fastapi import Path
from pydantic_core import to_json

from warden.errors import PreconditionFailed
from warden.models import Playbook, RuleVersion

NO_NUL = r"^[^\x00]*$"  # PostgreSQL stores no NUL
MOST_SKIPPED = 1_000_000

RowNumber = Annotated[int, Path(ge=1, le=2**63 - 1)]


def is_sane(moment: datetime) -> bool:
    """Tell whether neither sums with durations nor conversion to another zone can overflow."""
    return 1900 <= moment.year < 2200


def typed_version(text: str) -> int | None:
    """Return the version a form was made from; None when it names none: then what is there is changed as it is."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def typed_days(text: str) -> int | None:
    """Return the days typed into a form, None where nothing was; what is no number is refused as 0 days are."""
    if not text.strip():
        return None
    try:
        return int(text)
    except ValueError:
        return 0


def tag_of(content: Any) -> str:
    """Return what an ETag says of a thing without a version of its own: a hash of its content."""
    return blake2b(to_json(content), digest_size=8).hexdigest()


def content_tag(row: Playbook) -> str:
    """Return the tag of a version of a playbook."""
    return tag_of([row.titles, row.steps, row.note])


def version_tag(row: RuleVersion) -> str:
    """Return the tag of a version of a rule: of all that a draft's change replaces."""
    return tag_of([row.definition, row.note])


def check_form(tag: str, current: str, name: str) -> None:
    """Raise PreconditionFailed unless a form that names what it was made from names what there is now."""
    check_tag(f'"{tag}"' if tag else None, current, name)


def check_tag(if_match: str | None, tag: str, name: str) -> None:
    """Raise PreconditionFailed unless the If-Match header, if there is one, names `tag`."""
    if if_match is not None and if_match.strip() not in ("*", f'"{tag}"'):
        raise PreconditionFailed(f"{name} was changed meanwhile: read it again.")
