"""Plugins found by file, and their options: checked, split from their secrets, sealed and rebuilt."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from collectors.base import Collector, LocalPath
from warden import plugins
from warden.channels.base import Channel
from warden.errors import Fault, InvalidInput, Misconfigured
from warden.settings import Settings
from warden.vault import Vault


class Login(BaseModel):
    user: str = ""
    password: SecretStr | None = None


class MailOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    port: int = Field(993, ge=1, le=65535)
    token: SecretStr | None = None
    login: Login = Login()
    path: LocalPath | None = None

    @field_validator("host")
    @classmethod
    def _not_local(cls, value: str) -> str:
        if value == "localhost":
            raise ValueError("localhost is not a mail server")
        return value


@pytest.fixture
def vault() -> Vault:
    return Vault([Fernet.generate_key().decode()])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(file_roots=(tmp_path / "in",))


class Kind(ABC):
    name: str

    @abstractmethod
    def act(self) -> None: ...


ONE = "from test_plugins_kind import Kind\nclass {0}(Kind):\n    name = {1!r}\n    def act(self): pass\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package on the path, under a name of its own."""
    folder = tmp_path / f"kinds_{tmp_path.name}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "test_plugins_kind", sys.modules[__name__])
    yield folder
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def test_one_class_per_file_is_found_by_its_name(package: Path) -> None:
    (package / "red.py").write_text(ONE.format("Red", "red") + "class Helper: pass\n")
    (package / "blue.py").write_text("from abc import ABC\n" + ONE.format("Blue", "blue"))
    (package / "base.py").write_text("raise RuntimeError('never imported')")
    found = plugins.find(package.name, Kind, frozenset({"base"}))
    assert sorted(found) == ["blue", "red"]
    assert plugins.find(package.name, Kind, frozenset({"base"})) is found, "found once"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", "exactly one Kind, found none"),
        (ONE.format("A", "red") + ONE.format("B", "red"), "exactly one Kind, found A, B"),
        (ONE.format("A", "blue"), "named like its file, found name = 'blue'"),
        ("from test_plugins_kind import Kind\n", "found none"),
    ],
)
def test_a_file_with_anything_else_stops_the_start(package: Path, text: str, words: str) -> None:
    (package / "red.py").write_text(text)
    with pytest.raises(Misconfigured, match=words):
        plugins.find(package.name, Kind)


def test_the_shipped_plugins_are_found() -> None:
    assert set(plugins.collectors()) >= {"feed", "imap", "mbox", "table"}
    for name, kind in plugins.collectors().items():
        assert issubclass(kind, Collector)
        assert plugins.collector(name) is kind
        assert plugins.options_schema(kind.Options)["additionalProperties"] is False
    with pytest.raises(InvalidInput, match="no collector 'telex'"):
        plugins.collector("telex")


def faults_of(raw: dict[str, Any], settings: Settings) -> list[Fault]:
    with pytest.raises(InvalidInput) as refused:
        plugins.read_options(MailOptions, raw, settings)
    return list(refused.value.faults)


def test_faults_are_told_in_plain_words(settings: Settings) -> None:
    assert faults_of({"port": "many", "tokne": "x", "wholly": 1}, settings) == [
        Fault("options.host", "is needed"),
        Fault("options.port", "expected a valid integer, unable to parse string as an integer, found 'many'"),
        Fault("options.tokne", "is not an option; did you mean token?"),
        Fault("options.wholly", "is not an option"),
    ]
    assert faults_of({"host": "localhost"}, settings) == [Fault("options.host", "localhost is not a mail server")]


def test_a_fault_never_shows_a_secret(settings: Settings) -> None:
    faults = faults_of({"host": "m", "token": 12345678, "login": {"password": 12345678}}, settings)
    assert [fault.where for fault in faults] == ["options.token", "options.login.password"]
    assert "12345678" not in str(faults)


@pytest.mark.parametrize("collector", ["feed", "table"])
def test_an_address_that_is_shown_holds_no_password(collector: str, settings: Settings) -> None:
    kind = plugins.collector(collector).Options
    raw = {"url": "https://an:pa55word@press.example/feed"}
    if collector == "table":
        raw |= {"kind": "deliveries", "key_column": "a", "key_scheme": "email", "due_column": "b"}
    with pytest.raises(InvalidInput) as refused:
        plugins.read_options(kind, raw, settings)
    assert "options.url" in [fault.where for fault in refused.value.faults]
    assert "pa55word" not in str(refused.value.faults)


WITH_ADDRESS = [
    kind
    for kind in [*plugins.collectors().values(), *plugins.channels().values()]
    if "url" in kind.Options.model_fields
]


@pytest.mark.parametrize("kind", WITH_ADDRESS, ids=[kind.name for kind in WITH_ADDRESS])
@pytest.mark.parametrize(
    "url",
    ["http://evil\r\nX: y/", "http://a b/", "https://a.example/\t", "http://", "https:///a", "ftp://a.example", "a"],
)
def test_what_can_be_no_web_address_is_refused_when_it_is_stored(
    kind: type[Collector] | type[Channel], url: str, settings: Settings
) -> None:
    with pytest.raises(InvalidInput) as refused:
        plugins.read_options(kind.Options, {"url": url}, settings)
    (fault,) = [fault for fault in refused.value.faults if fault.where == "options.url"]
    assert fault.what in (
        "expected an address without spaces and control characters",
        "expected an address that begins with https:// or http:// and a host",
    )


def test_secrets_are_sealed_apart_and_come_back(vault: Vault, settings: Settings) -> None:
    raw = {"host": "m", "token": "t0ps3cret", "login": {"user": "an", "password": "pa55word"}}
    options = plugins.read_options(MailOptions, raw, settings)
    public, sealed = plugins.seal_options(options, vault)
    assert public == {"host": "m", "login": {"user": "an"}}
    assert sealed is not None
    assert "t0ps3cret" not in sealed
    assert plugins.load_options(MailOptions, public, sealed, vault, settings) == options
    with pytest.raises(Misconfigured):
        plugins.load_options(MailOptions, public, sealed, Vault([Fernet.generate_key().decode()]), settings)


def test_options_without_secrets_are_not_sealed(vault: Vault, settings: Settings) -> None:
    options = plugins.read_options(MailOptions, {"host": "m"}, settings)
    assert plugins.seal_options(options, vault) == ({"host": "m"}, None)


def test_a_change_keeps_the_secrets_it_does_not_mention(vault: Vault, settings: Settings) -> None:
    raw = {"host": "m", "token": "one", "login": {"user": "an", "password": "two"}}
    _public, sealed = plugins.seal_options(plugins.read_options(MailOptions, raw, settings), vault)
    revised = plugins.revise_options(
        MailOptions, {"host": "n", "token": "three", "login": {"user": "bo"}}, sealed, vault, settings
    )
    assert (revised.host, revised.login.user) == ("n", "bo")
    assert plugins.split_secrets(revised)[1] == {"token": "three", "login": {"password": "two"}}


def test_a_local_file_must_lie_below_an_allowed_folder(tmp_path: Path, settings: Settings) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "secret.csv").touch()
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    (tmp_path / "in2").mkdir()
    for allowed in (inside / "data.csv", inside / "deep" / "data.csv"):
        plugins.read_options(MailOptions, {"host": "m", "path": str(allowed)}, settings)
    outside = [tmp_path / "secret.csv", inside / "link.csv", inside / ".." / "secret.csv", tmp_path / "in2" / "x"]
    for refused in outside:
        (fault,) = faults_of({"host": "m", "path": str(refused)}, settings)
        assert fault.where == "options.path"
        assert "WARDEN_FILE_ROOTS" in fault.what
    (fault,) = faults_of({"host": "m", "path": str(inside / "data.csv")}, Settings())
    assert "no folder at all" in fault.what
