"""Puts the web application together. It starts nothing: the clock and the server are the command line's."""

from functools import cache
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.routing import BaseRoute

from warden import __version__
from warden.web import api, assets, health, pages, problems
from warden.web.access import Doors, SignInLimits, check_origin
from warden.web.api import (
    alert_examples,
    examples,
    matrices,
    meeting_examples,
    news_examples,
    push,
    risk_examples,
    rule_examples,
)
from warden.web.deps import Services
from warden.web.health import Measure, Metrics

MAX_BODY_BYTES = 8_000_000
"""Largest request: a thousand articles with their summaries, or a partner file of some tens of thousands of rows."""

DESCRIPTION = """\
Watches business partners and says, early and with reasons, which relationship is going wrong.

Sign in with an API token: `Authorization: Bearer wdn_…`. Errors are RFC 9457 problems. Lists are
`{"items": […], "next": cursor}`: pass `next` back as `cursor` until it is null. Every moment is UTC.
"""


def create_app(services: Services) -> FastAPI:
    """Return the application: the API, the pages and the health checks, working with `services`."""
    app = FastAPI(
        title="Warden",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # the interactive pages load scripts from elsewhere, which our content policy forbids
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.sign_in_limits = SignInLimits()
    app.state.metrics = metrics = Metrics()
    app.router.routes.extend(_routes())
    problems.install(app, pages.error_page)
    # Not FastAPI's own max_body_size: it wraps everything, and answers in plain text instead of with a problem.
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(Measure, metrics=metrics)
    app.add_middleware(Doors, settings=services.settings, max_body_bytes=MAX_BODY_BYTES)
    _complete_description(app)
    return app


@cache
def _routes() -> list[BaseRoute]:
    """Return every route, put together once: preparing all of them takes FastAPI more than a second."""
    whole = APIRouter(dependencies=[Depends(check_origin)])
    whole.include_router(health.router)
    whole.include_router(api.router, prefix="/api/v1", responses=problems.errors(400, 401, 403, 413, 422))
    for router in pages.routers:
        whole.include_router(router, include_in_schema=False)
    whole.include_router(assets.router)
    return whole.routes


def _complete_description(app: FastAPI) -> None:
    """Add to the API's description the shapes of bodies that are read by hand (facts, matrices), and the examples."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        description = describe()
        schemas = description["components"]["schemas"]
        schemas.update(push.SCHEMAS)
        schemas.update(matrices.SCHEMAS)
        told = (examples, risk_examples, news_examples, rule_examples, alert_examples, meeting_examples)
        listed = {name: example for part in told for name, example in part.EXAMPLES.items()}
        examples.illustrate(schemas, listed)
        return description

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it
