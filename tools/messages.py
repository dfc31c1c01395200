"""Message catalogues: collects every text for people from the source and keeps the translations in step with it.

    python tools/messages.py            update warden/locale/*/LC_MESSAGES/warden.po
    python tools/messages.py --check    change nothing; exit 1 when a translation is missing, empty, fuzzy or obsolete,
                                        or has other placeholders than its message

English is the language of the source, so it has no catalogue. docs/translating.md says how texts are marked.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("zh_Hant", "zh_Hans", "vi")
PYTHON = ("warden", "scorers")
TEMPLATES = ("*.html", "*.txt", "*.jinja")
MARKERS = frozenset({"N_", "_", "gettext", "tr", "say", "self._", "Evidence"})
NAMED = re.compile(r"\w+_MESSAGES?")
PLACEHOLDER = re.compile(r"%(?:\((\w+)\)s|(%)|(.?))")


@dataclass(frozen=True, slots=True)
class Found:
    """One text and where it stands; `plural` for texts that count."""

    text: str
    plural: str | None
    file: str
    line: int


def in_python(path: Path) -> Iterator[Found]:
    """Yield literals given to a marker, as `Evidence(message="…")`, or bound to a name ending in _MESSAGE(S).

    In scorers also descriptions of fields: the options of an outcome are a form on the pages.
    """
    name = path.relative_to(ROOT).as_posix()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for literal in (*_marked(node), *(_described(node) if name.startswith("scorers/") else ())):
            yield Found(literal.value, None, name, literal.lineno)


def _described(node: ast.AST) -> Iterator[ast.Constant]:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Field":
        yield from _literals([word.value for word in node.keywords if word.arg == "description"])


def _marked(node: ast.AST) -> Iterator[ast.Constant]:
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in MARKERS:
            yield from _literals(node.args[:1])
        yield from _literals(word.value for word in node.keywords if called == "Evidence" and word.arg == "message")
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and NAMED.fullmatch(target.id) for target in targets):
            yield from _literals([node.value])


def _literals(nodes: "Iterator[ast.expr] | list[ast.expr]") -> Iterator[ast.Constant]:
    """Yield the texts in literals, tuples, lists and the values of dictionaries."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node
        elif isinstance(node, ast.Tuple | ast.List):
            yield from _literals(node.elts)
        elif isinstance(node, ast.Dict):
            yield from _literals(node.values)


def in_templates(path: Path) -> Iterator[Found]:
    """Yield the texts of one Jinja template."""
    options = {"trimmed": "false", "newstyle_gettext": "true", "silent": "false"}
    options |= {"trim_blocks": "true", "lstrip_blocks": "true"}
    name = path.relative_to(ROOT).as_posix()
    with path.open("rb") as file:
        for line, text, _comments, _context in extract("jinja2.ext:babel_extract", file, options=options):
            single, plural = text[:2] if isinstance(text, tuple) else (text, None)
            yield Found(single, plural, name, line)


def collect() -> Catalog:
    """Return the catalogue of everything the source says."""
    template = Catalog(project="warden", charset="utf-8")
    for folder in PYTHON:
        for path in sorted((ROOT / folder).rglob("*.py")):
            _add(template, in_python(path))
    for pattern in TEMPLATES:
        for path in sorted((ROOT / "warden").rglob(pattern)):
            if "static" not in path.parts:
                _add(template, in_templates(path))
    return template


def _add(template: Catalog, texts: Iterator[Found]) -> None:
    for found in texts:
        key = (found.text, found.plural) if found.plural else found.text
        # Files without lines: a catalogue changes only when a text does, not when code moves.
        template.add(key, locations=[(found.file, 0)])


def path_of(language: str) -> Path:
    """Return where the catalogue of `language` lives."""
    return ROOT / "warden" / "locale" / language / "LC_MESSAGES" / "warden.po"


def read(language: str) -> Catalog:
    """Return the catalogue of `language`, empty if there is none yet."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, project="warden", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def write(language: str, catalogue: Catalog) -> None:
    """Write the catalogue: sorted, without dates or line numbers, so that a diff shows texts only."""
    catalogue.creation_date = catalogue.revision_date = None  # type: ignore[assignment]
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = Catalog(locale=language, project="warden", charset="utf-8", header_comment="", fuzzy=False)
    for message in sorted((message for message in catalogue if message.id), key=_order):
        kept.add(message.id, message.string, locations=sorted({(file, None) for file, _ in message.locations}))
    with path.open("wb") as file:
        write_po(file, kept, width=120, include_lineno=False, omit_header=True)
    body = path.read_text(encoding="utf-8")
    path.write_text(_header(language, kept) + body, encoding="utf-8")


def _header(language: str, catalogue: Catalog) -> str:
    lines = (
        "Content-Type: text/plain; charset=utf-8",
        f"Language: {language}",
        f"Plural-Forms: {catalogue.plural_forms}",
    )
    return 'msgid ""\nmsgstr ""\n' + "".join(f'"{line}\\n"\n' for line in lines) + "\n"


def _order(message: Message) -> str:
    return message.id[0] if isinstance(message.id, tuple) else message.id


def update(template: Catalog) -> None:
    """Add new messages empty, drop what the source no longer says. Nothing is guessed: no fuzzy matches."""
    for language in LANGUAGES:
        catalogue = read(language)
        known = {message.id: message.string for message in catalogue if message.id}
        fresh = Catalog(locale=language)
        for message in template:
            if message.id:
                empty = ("",) * catalogue.num_plurals if isinstance(message.id, tuple) else ""
                fresh.add(message.id, known.get(message.id, empty), locations=message.locations)
        write(language, fresh)


def faults(template: Catalog) -> Iterator[str]:
    """Yield one sentence for everything wrong with the catalogues."""
    wanted = {message.id for message in template if message.id}
    for language in LANGUAGES:
        catalogue = read(language)
        known = {message.id: message for message in catalogue if message.id}
        yield from (f"{language}: missing: {text!r}" for text in sorted(wanted - known.keys(), key=str))
        yield from (f"{language}: no longer in the source: {text!r}" for text in sorted(known.keys() - wanted, key=str))
        yield from (f"{language}: obsolete: {text!r}" for text in catalogue.obsolete)
        for text in sorted(wanted & known.keys(), key=str):
            yield from (f"{language}: {what}: {text!r}" for what in _wrong(known[text]))


def _wrong(message: Message) -> Iterator[str]:
    if message.fuzzy:
        yield "fuzzy"
    ids = message.id if isinstance(message.id, tuple) else (message.id,)
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    if not all(strings):
        yield "empty"
    elif any(placeholders(string) != placeholders(ids[-1]) for string in strings):
        yield "placeholders differ"


def placeholders(text: str) -> set[str]:
    """Return the names in `%(name)s`; a lone % shows as "%" plus what follows, so that it never passes unseen."""
    return {name or "%" + rest for name, escaped, rest in PLACEHOLDER.findall(text) if not escaped}


def main() -> int:
    """Update or check; return the exit code."""
    template = collect()
    if "--check" not in sys.argv[1:]:
        update(template)
    problems = list(faults(template))
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    sys.stdout.write(f"{len(template)} messages, {len(problems)} faults in {len(LANGUAGES)} languages\n")
    return 1 if problems and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    raise SystemExit(main())
