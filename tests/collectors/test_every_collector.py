"""Every collector there is keeps the contract: adding one takes one file and its test."""

import importlib.util
from pathlib import Path

import pytest
from contracts import CollectorContract

from warden import plugins

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", sorted(plugins.collectors()))
def test_it_has_a_test_that_derives_from_the_contract(name: str) -> None:
    path = HERE / f"test_{name}.py"
    assert path.exists(), (
        f"write tests/collectors/{path.name} with a class that derives from contracts.CollectorContract"
    )
    spec = importlib.util.spec_from_file_location(f"contract_of_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, CollectorContract)]
    assert plugins.collector(name) in [getattr(kind, "collector", None) for kind in kept]


@pytest.mark.parametrize("name", sorted(plugins.collectors()))
def test_it_has_a_page_of_documentation(name: str) -> None:
    page = HERE.parents[1] / "docs" / "collectors" / f"{name}.md"
    text = page.read_text()
    missing = [option for option in plugins.collector(name).Options.model_fields if f"`{option}`" not in text]
    assert not missing, f"{page.name} does not explain {missing}"
