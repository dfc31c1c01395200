"""Every collector there is keeps the contract: adding one takes one file and its test."""

import importlib.util
from pathlib import Path

import pytest
from contracts import CollectorContract

from warden import plugins
from warden.errors import InvalidInput
from warden.settings import Settings

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


@pytest.mark.parametrize("name", ["imap", "mbox"])
def test_our_own_domains_come_from_the_settings_unless_they_are_given(name: str, tmp_path: Path) -> None:
    kind = plugins.collector(name).Options
    raw = {"mbox": {"path": str(tmp_path / "a")}, "imap": {"host": "h", "username": "u", "password": "p"}}[name]
    settings = Settings(our_domains=("Ours.example",), file_roots=(tmp_path,))
    assert getattr(plugins.read_options(kind, raw, settings), "our_domains", None) == ("ours.example",)
    given = plugins.read_options(kind, {**raw, "our_domains": ["other.example"]}, settings)
    assert getattr(given, "our_domains", None) == ("other.example",)
    with pytest.raises(InvalidInput):
        plugins.read_options(kind, raw, Settings(our_domains=(), file_roots=(tmp_path,)))
