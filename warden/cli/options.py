"""Options of sources and destinations as typed: `name=value`, files, and secrets, which stay off the command line."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from warden.errors import InvalidInput

Pairs = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="An option; can be repeated.")]
OptionsFile = Annotated[Path | None, typer.Option("--options", metavar="FILE", help="A JSON file with options.")]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="NAME",
        help="A secret option: it is asked for. NAME=VARIABLE reads the environment, NAME=- a line of input.",
    ),
]


def gather_options(pairs: list[str] | None, file: Path | None, secrets: list[str] | None) -> dict[str, Any]:
    """Return the options to validate: the file's, then `name=value` pairs, then secrets.

    A value that reads as JSON is taken as JSON ("25", "true", '{"a": 1}'), else as text. Raises InvalidInput.
    """
    options = _read_file(file) if file else {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r}: expected name=value")
        options[name] = _read_value(value)
    for secret in secrets or ():
        name, _, variable = secret.partition("=")
        options[name] = _read_secret(name, variable)
    return options


def _read_file(file: Path) -> dict[str, Any]:
    try:
        options = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}.") from error
    except ValueError as error:
        raise InvalidInput(f"{file} cannot be read as JSON: {error}.") from error
    if not isinstance(options, dict):
        raise InvalidInput(f"{file} holds no JSON object: expected option names and values.")
    return options


def _read_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_secret(name: str, variable: str) -> str:
    """Return a secret from a variable of the environment, from standard input ("-"), or typed unseen."""
    if variable == "-":
        return sys.stdin.readline().rstrip("\n")
    if variable:
        try:
            return os.environ[variable]
        except KeyError:
            raise InvalidInput(f"The environment has no variable {variable}, which {name} was to come from.") from None
    return str(typer.prompt(name, hide_input=True))
