"""The pages people read: one router per page."""

from warden.web.pages import (
    alerts,
    backtest,
    changes,
    criteria,
    digests,
    grid,
    incidents,
    matrices,
    matrix,
    meetings,
    names,
    news_models,
    notifications,
    overrides,
    partners,
    sign_in,
    sources,
    unattributed,
)
from warden.web.pages.errors import error_page

routers = [
    sign_in.router,
    grid.router,
    matrix.router,
    matrices.router,
    partners.router,
    overrides.router,
    incidents.router,
    changes.router,
    criteria.router,
    backtest.router,
    alerts.router,
    meetings.router,
    sources.router,
    notifications.router,
    unattributed.router,
    names.router,
    news_models.router,
    digests.router,
]

__all__ = ["error_page", "routers"]
