"""Plugins: found by file, their options validated, and the secrets among the options kept apart and encrypted."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails, to_jsonable_python

from collectors.base import Collector
from warden.channels.base import Channel
from warden.discovery import find as find
from warden.discovery import scorers as scorers
from warden.errors import Fault, InvalidInput
from warden.settings import Settings
from warden.vault import Vault

COLLECTOR_SUPPORT = frozenset({
    "base", "codes", "files", "guard", "http", "pace", "sheet", "cells", "rows", "mail", "calendar_events", "replies",
    "feed_dates", "feed_document", "feed_entries", "feed_links", "feed_text", "json_feed", "gdelt_answer",
    "gdelt_query",
})  # fmt: skip
"""Modules of `collectors` that hold no collector."""

CHANNEL_SUPPORT = frozenset({"base"})
"""Modules of `warden.channels` that hold no channel."""

M = TypeVar("M", bound=BaseModel)


def collectors() -> dict[str, type[Collector]]:
    """Return every collector by name."""
    return find("collectors", Collector, COLLECTOR_SUPPORT)


def collector(name: str) -> type[Collector]:
    """Return one collector. Raises InvalidInput naming those there are."""
    found = collectors()
    if name not in found:
        what = f"{name!r} is not one of {', '.join(found)}"
        raise InvalidInput(f"There is no collector {name!r}.", [Fault("collector", what)])
    return found[name]


def channels() -> dict[str, type[Channel]]:
    """Return every channel by name."""
    return find("warden.channels", Channel, CHANNEL_SUPPORT)


def channel(name: str) -> type[Channel]:
    """Return one channel. Raises InvalidInput naming those there are."""
    found = channels()
    if name not in found:
        what = f"{name!r} is not one of {', '.join(found)}"
        raise InvalidInput(f"There is no channel {name!r}.", [Fault("channel", what)])
    return found[name]


def options_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a plugin's options, for documents and forms; secrets are `writeOnly`."""
    return model.model_json_schema()


def read_options(model: type[M], raw: Mapping[str, Any], settings: Settings, *, where: str = "options") -> M:
    """Return validated options.

    Raises InvalidInput listing every fault as "options.url", values of secrets left out. An address that may be shown
    must hold no password. A local file must lie below
    one of `settings.file_roots`, wherever its links lead. Our own mail domains, where they are an option and not given,
    are those of the settings.
    """
    try:
        options = model.model_validate({**_from_settings(model, settings), **raw})
    except ValidationError as error:
        faults = [_fault(details, model, where) for details in error.errors(include_url=False, include_context=False)]
        raise InvalidInput("The options are not valid.", faults) from None  # the cause would print secrets
    _refuse_open_passwords(options, where)
    _refuse_foreign_files(options, settings, where)
    return options


def split_secrets(options: BaseModel) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return options as (what may be shown, what must be encrypted), both JSON values; unset options are left out."""
    public, secret = _separate(options.model_dump(exclude_unset=True))
    return to_jsonable_python(public), to_jsonable_python(secret)


def seal_options(options: BaseModel, vault: Vault) -> tuple[dict[str, Any], str | None]:
    """Return options as they are stored: the public part, and the encrypted secrets (None without any)."""
    public, secret = split_secrets(options)
    return public, vault.encrypt(secret) if secret else None


def load_options(model: type[M], public: Mapping[str, Any], secrets: str | None, vault: Vault, settings: Settings) -> M:
    """Rebuild options from what `seal_options` returned.

    Raises Misconfigured when the key is missing, InvalidInput when they no longer fit the plugin or its folders.
    """
    return read_options(model, _join(public, vault.decrypt(secrets) if secrets else {}), settings)


def revise_options(model: type[M], raw: Mapping[str, Any], secrets: str | None, vault: Vault, settings: Settings) -> M:
    """Return new options in which secrets that `raw` does not mention stay as they were. Raises as `load_options`."""
    kept = vault.decrypt(secrets) if secrets else {}
    known = {name: value for name, value in kept.items() if name in model.model_fields}
    return read_options(model, _join(known, raw), settings)


def _from_settings(model: type[BaseModel], settings: Settings) -> dict[str, Any]:
    """Return what the settings say about options that carry the mark of collectors.mail.OurDomains."""
    if not settings.our_domains:
        return {}
    properties = options_schema(model)["properties"].items()
    return {name: settings.our_domains for name, schema in properties if schema.get("warden") == "our_domains"}


def _fault(details: ErrorDetails, model: type[BaseModel], where: str) -> Fault:
    place = ".".join([where, *(str(part) for part in details["loc"])])
    kind, name = details["type"], str(details["loc"][-1]) if details["loc"] else ""
    if kind == "missing":
        return Fault(place, "is needed")
    if kind == "extra_forbidden":
        close = get_close_matches(name, model.model_fields, n=1)
        return Fault(place, f"is not an option; did you mean {close[0]}?" if close else "is not an option")
    if kind == "tuple_type":
        return Fault(place, 'expected a list such as ["one", "another"]')
    expected = details["msg"].replace("Input should be", "expected").removeprefix("Value error, ")
    found = details["input"]
    plain = isinstance(found, str | int | float) and not _holds_secret(model, details["loc"])
    return Fault(place, f"{expected}, found {found!r:.80}" if plain and kind != "value_error" else expected)


def _holds_secret(model: type[BaseModel], place: Sequence[int | str]) -> bool:
    """Tell whether what stands at `place` may be a secret. Inside nested options it may: they are not looked into."""
    field = model.model_fields.get(str(place[0])) if len(place) == 1 else None
    return field is None or "SecretStr" in repr(field.annotation)


def _refuse_open_passwords(options: BaseModel, where: str) -> None:
    faults = [
        Fault(f"{where}.{name}", "holds a name or password before the @; everybody who may view would read it")
        for name, value in split_secrets(options)[0].items()
        if isinstance(value, str) and re.match(r"https?://[^/?#]*@", value)
    ]
    if faults:
        raise InvalidInput("An address must not hold a password.", faults)


def _refuse_foreign_files(options: BaseModel, settings: Settings, where: str) -> None:
    roots = [root.resolve() for root in settings.file_roots]
    faults = []
    for name in _local_paths(type(options)):
        value = getattr(options, name, None)
        if not isinstance(value, str) or not value:
            continue
        path = Path(value).resolve()
        if not any(path.is_relative_to(root) for root in roots):
            allowed = ", ".join(str(root) for root in roots) or "no folder at all"
            what = f"{value} lies outside the folders sources may read ({allowed}); see WARDEN_FILE_ROOTS"
            faults.append(Fault(f"{where}.{name}", what))
    if faults:
        raise InvalidInput("The file may not be read: WARDEN_FILE_ROOTS does not list its folder.", faults)


@cache
def _local_paths(model: type[BaseModel]) -> tuple[str, ...]:
    """Return which options name a local file. A schema takes milliseconds, and options are read at each visit."""
    return tuple(name for name, schema in options_schema(model)["properties"].items() if _is_local_path(schema))


def _is_local_path(schema: Any) -> bool:
    """Tell whether a property's schema, or one of its alternatives, carries the mark of collectors.base.LocalPath."""
    return schema.get("warden") == "local_path" or any(_is_local_path(part) for part in schema.get("anyOf", ()))


def _separate(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    public: dict[str, Any] = {}
    secret: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, SecretStr):
            secret[name] = value.get_secret_value()
        elif isinstance(value, dict):
            open_part, closed_part = _separate(value)
            public[name] = open_part
            if closed_part:
                secret[name] = closed_part
        else:
            public[name] = value
    return public, secret


def _join(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both mappings as one; where both have a value, that of `above`."""
    joined = dict(below)
    for name, value in above.items():
        known = joined.get(name)
        joined[name] = _join(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return joined
