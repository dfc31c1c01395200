"""Who may do what: every route of the API, for everybody."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
from api_rules import ADMIN, RULES
from served import Site

from warden.domain import Role
from warden.store.access import SCOPES

PARTS = {"fact_id": "999999999", "key_id": "999999999", "version": "999999999"}


@pytest.fixture(scope="module")
def clients(portfolio: Site) -> Iterator[dict[Role | None, httpx.Client]]:
    found: dict[Role | None, httpx.Client] = {role: portfolio.client(role) for role in (None, *Role)}
    yield found
    for client in found.values():
        client.close()


def request(client: httpx.Client, operation: str) -> httpx.Response:
    """Call an operation on things that do not exist, without a body: at most a backtest is asked for."""
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
