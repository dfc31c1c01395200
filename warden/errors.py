"""The error tree. Each class says who must act and which HTTP status it becomes.

WardenError
├── InvalidInput      the caller: the request or the file is wrong; lists every fault with its place
├── NotFound          the caller: no such thing
├── Conflict          the caller: it exists already, or its state does not allow this
├── PreconditionFailed the caller: somebody changed it meanwhile; read it again
├── NotSignedIn       the caller: sign in first
├── Forbidden         an admin: the role does not allow this
├── TooManyRequests   the caller: wait
└── Misconfigured     the operator: the service cannot run like this
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input.

    `where` is a path a person can find: "row 7, column tier", "facts[3].due_on", "grid[2][4]".
    `what` says what was found and what was expected.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class WardenError(Exception):
    """Anything Warden raises on purpose. `str(error)` is one plain sentence."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"


class InvalidInput(WardenError):
    """The input is refused as a whole; `faults` lists everything wrong with it."""

    status = 422
    title = "Invalid input"

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class NotFound(WardenError):
    """No such thing."""

    status = 404
    title = "Not found"


class Conflict(WardenError):
    """It exists already, or its present state does not allow this."""

    status = 409
    title = "Conflict"


class PreconditionFailed(WardenError):
    """The caller's If-Match names an older version."""

    status = 412
    title = "Precondition failed"


class NotSignedIn(WardenError):
    """No valid session or token came with the request."""

    status = 401
    title = "Not signed in"


class Forbidden(WardenError):
    """The role or the token's scope does not allow this."""

    status = 403
    title = "Forbidden"


class TooManyRequests(WardenError):
    """The caller has to wait."""

    status = 429
    title = "Too many requests"


class Misconfigured(WardenError):
    """The operator has to change a setting before the service can run."""
