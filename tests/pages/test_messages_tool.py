"""The catalogues are complete, and the tool that says so sees what it should."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages import Message

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages_tool", ROOT / "tools" / "messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["messages_tool"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_text_is_translated_into_every_language(tool: ModuleType) -> None:
    assert list(tool.faults(tool.collect())) == []


def test_every_way_of_marking_a_text_is_found(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    module = tmp_path / "module.py"
    module.write_text(
        'TITLES = {1: N_("one"), 2: "no"}\nreader.tr("two" " halves")\nEvidence("three", {})\n'
        'Evidence(message="four", params={})\nOLD_MESSAGE = "five"\nTHE_MESSAGES: tuple = ("six", "seven")\nx = "no"\n'
        'reader.say("ten", count=1)\n'
    )
    assert {found.text for found in tool.in_python(module)} == {
        "one",
        "two halves",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "ten",
    }
    options = tmp_path / "scorers" / "options.py"
    options.parent.mkdir()
    options.write_text('days: float = Field(30, description="eight")\nother = Field(title="no")')
    module.write_text('days: float = Field(30, description="no")')
    assert [found.text for path in (options, module) for found in tool.in_python(path)] == ["eight"]
    template = tmp_path / "page.html"
    template.write_text('{{ _("one") }}<p title="{{ _("two") }}">{{ ngettext("%(num)s day", "%(num)s days", n) }}')
    found = {(text.text, text.plural) for text in tool.in_templates(template)}
    assert found == {("one", None), ("two", None), ("%(num)s day", "%(num)s days")}


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        (Message("%(a)s of %(b)s", "%(b)s 之 %(a)s"), []),
        (Message("%(a)s", ""), ["empty"]),
        (Message("%(a)s", "nothing"), ["placeholders differ"]),
        (Message("full", "100 % full"), ["placeholders differ"]),
        (Message("full", "voll", flags={"fuzzy"}), ["fuzzy"]),
        (Message(("%(num)s day", "%(num)s days"), ("%(num)s 天",)), []),
    ],
)
def test_what_is_wrong_with_a_translation_is_told(tool: ModuleType, message: Message, wrong: list[str]) -> None:
    assert list(tool._wrong(message)) == wrong
