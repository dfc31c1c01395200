"""Who may do what: every route of the API, for everybody."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
from served import Site

from warden.domain import Role
from warden.store.access import SCOPES

VIEWER, MANAGER, ADMIN = Role.VIEWER, Role.MANAGER, Role.ADMIN

# Every operation, with the least role it needs and the scope. A new route fails until it is added here.
RULES: dict[str, tuple[Role, str]] = {
    "GET /partners": (VIEWER, "partners:read"),
    "POST /partners": (MANAGER, "partners:write"),
    "POST /partners/import": (MANAGER, "partners:write"),
    "GET /partners/{partner_id}": (VIEWER, "partners:read"),
    "PATCH /partners/{partner_id}": (MANAGER, "partners:write"),
    "GET /partners/{partner_id}/identifiers": (VIEWER, "partners:read"),
    "POST /partners/{partner_id}/identifiers": (MANAGER, "partners:write"),
    "DELETE /partners/{partner_id}/identifiers/{identifier_id}": (MANAGER, "partners:write"),
    "GET /partners/{partner_id}/aliases": (VIEWER, "partners:read"),
    "POST /partners/{partner_id}/aliases": (MANAGER, "partners:write"),
    "DELETE /partners/{partner_id}/aliases/{alias_id}": (MANAGER, "partners:write"),
    "GET /partners/{partner_id}/assessments": (VIEWER, "assessments:read"),
    "GET /partners/{partner_id}/assessments/latest": (VIEWER, "assessments:read"),
    "GET /partners/{partner_id}/assessments/compute": (VIEWER, "assessments:read"),
    "GET /matrix": (VIEWER, "assessments:read"),
    "GET /people": (VIEWER, "people:read"),
    "POST /people": (MANAGER, "people:write"),
    "GET /people/{person_id}": (VIEWER, "people:read"),
    "PATCH /people/{person_id}": (MANAGER, "people:write"),
    "GET /sources": (VIEWER, "sources:read"),
    "POST /sources": (ADMIN, "sources:write"),
    "GET /sources/collectors": (VIEWER, "sources:read"),
    "POST /sources/test": (ADMIN, "sources:write"),
    "GET /sources/{source_id}": (VIEWER, "sources:read"),
    "PATCH /sources/{source_id}": (ADMIN, "sources:write"),
    "POST /sources/{source_id}/pause": (ADMIN, "sources:write"),
    "POST /sources/{source_id}/resume": (ADMIN, "sources:write"),
    "POST /sources/{source_id}/test": (ADMIN, "sources:write"),
    "POST /sources/{source_id}/run": (ADMIN, "sources:write"),
    "GET /sources/{source_id}/runs": (VIEWER, "sources:read"),
    "POST /facts": (MANAGER, "facts:write"),
    "GET /facts": (VIEWER, "facts:read"),
    "GET /facts/{fact_id}": (VIEWER, "facts:read"),
    "GET /unattributed": (VIEWER, "facts:read"),
    "POST /unattributed/{key_id}/map": (MANAGER, "facts:write"),
    "GET /rules": (VIEWER, "rules:read"),
    "GET /rules/context": (VIEWER, "rules:read"),
    "GET /rules/{rule_id}": (VIEWER, "rules:read"),
    "PATCH /rules/{rule_id}": (MANAGER, "rules:write"),
    "GET /alerts": (VIEWER, "alerts:read"),
    "GET /alerts/{alert_id}": (VIEWER, "alerts:read"),
    "POST /alerts/{alert_id}/ack": (MANAGER, "alerts:write"),
    "GET /meetings": (VIEWER, "meetings:read"),
    "GET /meetings/{meeting_id}": (VIEWER, "meetings:read"),
    "POST /meetings/{meeting_id}/schedule": (MANAGER, "meetings:write"),
    "POST /meetings/{meeting_id}/held": (MANAGER, "meetings:write"),
    "POST /meetings/{meeting_id}/waive": (MANAGER, "meetings:write"),
    "GET /destinations": (MANAGER, "destinations:read"),
    "POST /destinations": (ADMIN, "destinations:write"),
    "GET /destinations/channels": (MANAGER, "destinations:read"),
    "GET /destinations/{destination_id}": (MANAGER, "destinations:read"),
    "PATCH /destinations/{destination_id}": (ADMIN, "destinations:write"),
    "DELETE /destinations/{destination_id}": (ADMIN, "destinations:write"),
    "POST /destinations/{destination_id}/test": (ADMIN, "destinations:write"),
    "GET /notifications": (VIEWER, "notifications:read"),
    "GET /notifications/{notification_id}": (VIEWER, "notifications:read"),
    "POST /notifications/{notification_id}/retry": (MANAGER, "notifications:write"),
    "GET /digests": (VIEWER, "digests:read"),
    "POST /digests": (MANAGER, "digests:write"),
    "GET /digests/{digest_id}": (VIEWER, "digests:read"),
    "PATCH /digests/{digest_id}": (MANAGER, "digests:write"),
    "DELETE /digests/{digest_id}": (MANAGER, "digests:write"),
    "GET /digests/{digest_id}/preview": (VIEWER, "digests:read"),
    "GET /tokens": (ADMIN, "tokens:read"),
    "POST /tokens": (ADMIN, "tokens:write"),
    "GET /tokens/{token_id}": (ADMIN, "tokens:read"),
    "DELETE /tokens/{token_id}": (ADMIN, "tokens:write"),
    "GET /users": (ADMIN, "users:read"),
    "POST /users": (ADMIN, "users:write"),
    "GET /users/{user_id}": (ADMIN, "users:read"),
    "PATCH /users/{user_id}": (ADMIN, "users:write"),
    "POST /users/{user_id}/link": (ADMIN, "users:write"),
}
PARTS = {"fact_id": "999999999", "key_id": "999999999"}


@pytest.fixture(scope="module")
def clients(portfolio: Site) -> Iterator[dict[Role | None, httpx.Client]]:
    found: dict[Role | None, httpx.Client] = {role: portfolio.client(role) for role in (None, *Role)}
    yield found
    for client in found.values():
        client.close()


def request(client: httpx.Client, operation: str) -> httpx.Response:
    """Call an operation on things that do not exist, without a body: it can change nothing."""
    method, path = operation.split()
    while "{" in path:
        name = path[path.index("{") + 1 : path.index("}")]
        path = path.replace(f"{{{name}}}", PARTS.get(name, str(uuid.UUID(int=0))))
    return client.request(method, f"/api/v1{path}")


def test_every_operation_has_a_rule(clients: dict[Role | None, httpx.Client]) -> None:
    paths = clients[None].get("/api/v1/openapi.json").json()["paths"]
    operations = {
        f"{method.upper()} {path.removeprefix('/api/v1')}" for path, methods in paths.items() for method in methods
    }
    assert operations == set(RULES)


@pytest.mark.parametrize("operation", RULES)
def test_only_those_with_the_role_come_in(clients: dict[Role | None, httpx.Client], operation: str) -> None:
    least, _ = RULES[operation]
    anonymous = request(clients[None], operation)
    assert (anonymous.status_code, anonymous.headers["www-authenticate"]) == (401, "Bearer")
    for role in Role:
        status = request(clients[role], operation).status_code
        if role.includes(least):
            assert status not in (401, 403), role
            assert status < 500, role
        else:
            assert status == 403, role


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_opens_its_area_and_nothing_else(portfolio: Site, scope: str) -> None:
    with portfolio.client(ADMIN, scopes=(scope,)) as client:
        let_in = {operation for operation in RULES if request(client, operation).status_code not in (401, 403)}
    assert let_in == {operation for operation, (_, needed) in RULES.items() if needed == scope}
