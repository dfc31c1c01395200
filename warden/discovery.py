"""Discovery: plugins are found by their files, never imported by name."""

import importlib
import inspect
import pkgutil
from functools import cache
from typing import TypeVar

from scorers.base import Scorer
from warden.errors import Misconfigured

SCORER_SUPPORT = frozenset(
    {
        "base",
        "impact",
        "judging",
        "learning",
        "likelihood",
        "matrix",
        "peers",
        "rate_scorer",
        "rates",
        "rhythm",
        "shrinkage",
        "walk",
    }
)
"""Modules of `scorers` that hold no scorer."""

P = TypeVar("P")


@cache
def find(package: str, base: type[P], support: frozenset[str] = frozenset()) -> dict[str, type[P]]:
    """Return the plugins of a package by name: one concrete subclass of `base` in each of its modules.

    Modules in `support` and sub-packages hold none. Found once per process. Raises Misconfigured for a module with no
    such class or several, or whose class is not named (`name`) like the file.
    """
    found = {}
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not module.ispkg and module.name not in support:
            found[module.name] = _only_class(f"{package}.{module.name}", base)
    return found


def scorers() -> list[Scorer]:
    """Return one of every scorer, by name; each speaks of the outcome of its name."""
    found = find("scorers", Scorer, SCORER_SUPPORT)
    return [found[name]() for name in sorted(found)]


def _only_class(module: str, base: type[P]) -> type[P]:
    loaded = importlib.import_module(module)
    classes = [
        value
        for value in vars(loaded).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and not inspect.isabstract(value)
        and value.__module__ == module
    ]
    if len(classes) != 1:
        names = ", ".join(found.__name__ for found in classes) or "none"
        raise Misconfigured(f"The plugin {module} must define exactly one {base.__name__}, found {names}.")
    name = getattr(classes[0], "name", None)
    if name != module.rpartition(".")[2]:
        raise Misconfigured(f"The plugin {module} must be named like its file, found name = {name!r}.")
    return classes[0]
