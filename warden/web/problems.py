"""Errors as RFC 9457 problems: one shape for everything that goes wrong, whoever raised it."""

import json
import re
import uuid
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match

from warden.db import is_out_of_reach
from warden.errors import Conflict, Fault, InvalidInput, NotSignedIn, TooManyRequests, WardenError
from warden.log import get_logger
from warden.web.policy import CONTENT_SECURITY_POLICY

log = get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
MOST_FAULTS = 100
"""Most faults one problem lists; a thousand wrong facts are told by their first hundred."""


class FaultOut(BaseModel):
    """One thing wrong with the request, and where."""

    where: str = Field(examples=["facts[3].due_on"])
    what: str = Field(examples=["Input should be a valid date"])


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:warden:problem:not-found",
                    "title": "Not found",
                    "status": 404,
                    "detail": "There is no partner 6d2f….",
                    "faults": [],
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    faults: list[FaultOut] = []
    id: str | None = Field(None, description="Names an unexpected error in the service's log.")


ErrorPage = Callable[[Request, Problem], Response]
"""Draws a problem as a page, for people."""


def install(app: FastAPI, error_page: ErrorPage) -> None:
    """Answer every error of `app` with a problem: JSON to programs, `error_page` to browsers."""

    def answer(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
        response = error_page(request, problem) if wants_page(request) else problem_answer(problem)
        response.headers.update(headers or {})
        return response

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, WardenError)  # noqa: S101 - what it is registered for
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request_failed", path=request.url.path, error=str(error))
        return answer(request, of_error(error), _headers_of(error))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
        return answer(request, of_error(InvalidInput("The request is not valid.", faults_of(error.errors()))))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["allow"] = ", ".join(allowed_methods(request))
        return answer(request, _of_status(error.status_code, str(error.detail)), headers)

    async def unexpected(request: Request, error: Exception) -> Response:
        name = uuid.uuid4().hex[:12]
        log.error("request_crashed", id=name, method=request.method, path=request.url.path, exc_info=error)
        detail = f"Something went wrong that should not. The log has it under {name}."
        return answer(request, Problem(title="Internal error", status=500, detail=detail, id=name), _SAFE_HEADERS)

    async def collided(request: Request, error: Exception) -> Response:
        # Writers wait for each other on SQLite; on PostgreSQL two may store the same name at the same moment, or one
        # may delete what another refers to.
        what = _COLLISIONS.get(getattr(getattr(error, "orig", None), "sqlstate", ""))
        if what is None:
            return await unexpected(request, error)
        return answer(request, of_error(Conflict(what)))

    async def out_of_reach(request: Request, error: Exception) -> Response:
        assert isinstance(error, OperationalError)  # noqa: S101 - what it is registered for
        if not is_out_of_reach(error):
            return await unexpected(request, error)
        log.error("database_out_of_reach", method=request.method, path=request.url.path, error=str(error.orig))
        detail = "The database cannot be reached, or not be written to, just now. Try again in a while."
        return answer(request, Problem(title="Service unavailable", status=503, detail=detail), {"retry-after": "30"})

    app.add_exception_handler(WardenError, refused)
    app.add_exception_handler(IntegrityError, collided)
    app.add_exception_handler(OperationalError, out_of_reach)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientDisconnect, _hung_up)
    app.add_exception_handler(Exception, unexpected)


async def _hung_up(request: Request, _error: Exception) -> Response:
    # In the middle of the body. Nobody is there to read the answer, but what is counted needs its status.
    log.info("caller_hung_up", method=request.method, path=request.url.path)
    return problem_answer(_of_status(HTTPStatus.BAD_REQUEST, "The body broke off."))


_COLLISIONS = {
    "23503": "Somebody deleted at the same moment what this refers to: look again.",
    "23505": "Somebody stored the same at the same moment: look again.",
}
"""What PostgreSQL's SQLSTATEs of a broken reference and of a value stored twice say to the caller."""

# This one answer is made outside the middleware that sets the other headers.
_SAFE_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
}


def problem_answer(problem: Problem) -> Response:
    """Return a problem as JSON."""
    # Faults name what the caller sent, which may be half a surrogate pair: JSON can spell it, UTF-8 cannot.
    body = json.dumps(problem.model_dump(exclude_none=True), ensure_ascii=False).encode(errors="backslashreplace")
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE)


def wants_page(request: Request) -> bool:
    """Tell whether a person's browser asks, and not a program."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def of_error(error: WardenError) -> Problem:
    """Return the problem of one of our own errors."""
    faults = error.faults[:MOST_FAULTS] if isinstance(error, InvalidInput) else ()
    detail = str(error)
    if isinstance(error, InvalidInput) and len(error.faults) > MOST_FAULTS:
        detail += f" The first {MOST_FAULTS} of {len(error.faults)} faults are listed."
    return Problem(
        type="urn:warden:problem:" + re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower(),
        title=error.title,
        status=error.status,
        detail=detail,
        faults=[FaultOut(where=fault.where, what=fault.what) for fault in faults],
    )


def _of_status(status: int, detail: str) -> Problem:
    phrase = HTTPStatus(status).phrase
    return Problem(title=phrase, status=status, detail=detail if detail != phrase else f"{phrase}.")


def _headers_of(error: WardenError) -> dict[str, str]:
    if isinstance(error, NotSignedIn):
        return {"www-authenticate": "Bearer"}
    return {"retry-after": "60"} if isinstance(error, TooManyRequests) else {}


def faults_of(errors: Sequence[Any]) -> list[Fault]:
    """Return pydantic's errors as faults."""
    return [Fault(_place(error), _what(error)) for error in errors]


def _place(error: Any) -> str:
    """Return a pydantic location as a path a person can find: ("body", "facts", 3, "due_on") → "facts[3].due_on"."""
    parts = list(error["loc"])
    if error["type"] == "json_invalid":
        return f"body, character {parts[-1]}" if parts else "body"
    if parts and parts[0] in ("body", "query", "path", "header", "cookie"):
        parts = parts[1:] or parts
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "body"


def _what(error: Any) -> str:
    if error["type"] == "json_invalid":
        return f"is not valid JSON: {error.get('ctx', {}).get('error', error['msg'])}"
    if error["type"] == "extra_forbidden":
        return "is no field of this request"
    return str(error["msg"]).removeprefix("Value error, ")


def allowed_methods(request: Request) -> list[str]:
    """Return every method that some route answers at this path."""
    methods = set()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] == Match.FULL for route in request.app.routes):
            methods.add(method)
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods)


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description, "content": {MEDIA_TYPE: {}}}
    for status, description in {
        400: "The body cannot be read.",
        401: "Not signed in.",
        403: "The role or scope does not allow this.",
        404: "No such thing.",
        409: "It exists already, or its state does not allow this.",
        412: "Somebody changed it meanwhile.",
        413: "The body is too large.",
        422: "The request is not valid; `faults` says where.",
        429: "Too many requests.",
        502: "The other side refused or could not be reached.",
    }.items()
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of these error statuses, for `responses=`."""
    return {status: ERRORS[status] for status in statuses}
