"""Size budgets: modules, functions, and what a browser has to load. Prints every excess and exits 1."""

import ast
import gzip
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = ("warden", "collectors", "scorers", "examples", "tools", "benchmarks")
MODULE_LINES = 400
FUNCTION_LINES = 60
MEDIAN_LINES = 10
STATIC_BYTES = 80_000  # gzipped: scripts and styles together


def functions(tree: ast.AST) -> Iterator[tuple[str, int, int]]:
    """Yield (name, line, body lines without the docstring) of every function in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            yield node.name, node.lineno, (body[-1].end_lineno or 0) - body[0].lineno + 1


def excesses() -> Iterator[str]:
    """Yield one sentence per budget that is exceeded."""
    lengths: list[int] = []
    for path in sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py")):
        name, text = path.relative_to(ROOT), path.read_text(encoding="utf-8")
        lines = len(text.splitlines())
        if lines > MODULE_LINES:
            yield f"{name}: {lines} lines, at most {MODULE_LINES} allowed"
        for function, line, length in functions(ast.parse(text)):
            lengths.append(length)
            if length > FUNCTION_LINES:
                yield f"{name}:{line}: {function} has {length} lines, at most {FUNCTION_LINES} allowed"
    median = statistics.median(lengths)
    if median > MEDIAN_LINES:
        yield f"the median function has {median} lines, at most {MEDIAN_LINES} allowed"
    size = static_bytes()
    if size > STATIC_BYTES:
        yield f"warden/web/static: {size} bytes gzipped, at most {STATIC_BYTES} allowed"
    print(f"{len(lengths)} functions, median {median} lines; static files {size} bytes gzipped.")


def static_bytes() -> int:
    """Return what scripts and styles weigh when compressed."""
    files = (ROOT / "warden" / "web" / "static").rglob("*")
    return sum(len(gzip.compress(path.read_bytes())) for path in files if path.suffix in (".js", ".css"))


if __name__ == "__main__":
    found = list(excesses())
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)
