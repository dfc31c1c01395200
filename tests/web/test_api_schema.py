"""The API against its own description: whatever fits it, or nearly, gets an answer it documents."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from api_rules import RULES
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import Site, seed_risk, serving

from warden.domain import Role

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
POSITIVE, NEGATIVE = 10, 5
BOUNDED = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="session")
def fuzzed(tmp_path_factory: pytest.TempPathFactory, seeded_database: tuple[Path, dict[str, Any]]) -> Iterator[Site]:
    """A service of its own: what is sent here changes anything."""
    database, seeded = seeded_database
    with serving(Path(shutil.copy(database, tmp_path_factory.mktemp("web") / "fuzzed.db"))) as site:
        site.seeded |= seeded | seed_risk(site.services, seeded["partner"])
        yield site


@pytest.fixture(scope="session")
def fuzzed_token(fuzzed: Site) -> str:
    with fuzzed.client(Role.ADMIN) as client:
        return client.headers["authorization"]


@pytest.fixture(scope="session")
def description(fuzzed: Site) -> Any:
    return schemathesis.openapi.from_url(f"{fuzzed.url}/api/v1/openapi.json")


@pytest.mark.parametrize("operation", RULES)
def test_every_answer_is_a_documented_one(fuzzed: Site, fuzzed_token: str, description: Any, operation: str) -> None:
    method, path = operation.split()
    headers = {"Authorization": fuzzed_token}

    def check(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)
        known = {name: fuzzed.seeded.get(name.removesuffix("_id")) for name in case.path_parameters or {}}
        if any(known.values()):
            # Random ids meet nothing: the same request again, on things that exist.
            case.path_parameters.update({name: str(value) for name, value in known.items() if value is not None})
            case.call_and_validate(headers=headers, checks=CHECKS)

    for mode, examples in ((GenerationMode.POSITIVE, POSITIVE), (GenerationMode.NEGATIVE, NEGATIVE)):
        strategy = description[f"/api/v1{path}"][method].as_strategy(generation_mode=mode)
        settings(BOUNDED, max_examples=examples)(given(case=strategy)(check))()


def test_every_schema_has_an_example_that_fits_it(description: Any) -> None:
    described = description.raw_schema["components"]
    for name, schema in described["schemas"].items():
        if "enum" in schema:
            continue
        whole = {"$ref": f"#/components/schemas/{name}", "components": described}
        for example in schema["examples"]:
            jsonschema_rs.validate(whole, example, validate_formats=True)
            assert set(example) <= set(schema["properties"]), name
