"""The API under /api/v1, one router per noun."""

from fastapi import APIRouter

from warden.web.api import (
    alerts,
    articles,
    assessments,
    backtests,
    criteria,
    destinations,
    digests,
    facts,
    ledger,
    matrices,
    matrix,
    meetings,
    names,
    news_models,
    notifications,
    overrides,
    partners,
    people,
    rules,
    sources,
    tokens,
    users,
)

router = APIRouter()
for part in (
    partners,
    people,
    sources,
    facts,
    assessments,
    matrix,
    ledger,
    overrides,
    articles,
    names,
    criteria,
    matrices,
    news_models,
    backtests,
    rules,
    alerts,
    meetings,
    destinations,
    notifications,
    digests,
    tokens,
    users,
):
    router.include_router(part.router)
