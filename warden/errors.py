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

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, ClassVar, Self

CLOSE_MESSAGE = "did you mean %(name)s?"
KNOWN_MESSAGE = "expected one of %(names)s"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input.

    `where` is a path a person can find: "row 7, column tier", "facts[3].due_on", "grid[2][4]".
    `what` says what was found and what was expected, in English. `message`, of the catalogues, and `params` say the
    same in the language of whoever reads a page; without them pages show the English.
    """

    where: str
    what: str
    message: str = field(default="", compare=False)
    params: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, where: str, message: str, /, **params: Any) -> Self:
        """Return the fault that a message of the catalogues states; a parameter may be such a sentence itself.

        Numbers that are not whole are given as texts: as numbers, pages round them to one decimal.
        """
        return cls(where, _english(message, params), message, params)

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def _english(message: str, params: Mapping[str, Any]) -> str:
    said = {
        name: _english(value["message"], value["params"]) if isinstance(value, Mapping) else value
        for name, value in params.items()
    }
    return message % said if said else message


def hint(given: str, known: Collection[str]) -> Mapping[str, Any]:
    """Return, as a parameter of `Fault.of`, what may be meant by a name that is none of those known."""
    close = get_close_matches(given, known, n=1)
    if close:
        return {"message": CLOSE_MESSAGE, "params": {"name": close[0]}}
    return {"message": KNOWN_MESSAGE, "params": {"names": ", ".join(known)}}


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
