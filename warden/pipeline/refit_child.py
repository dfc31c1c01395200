"""The process in which reading is learned anew: a request of JSON comes in, the new version goes out.

In: {"language", "rows": [[title, summary, target, label, judges]], "present": base64, or null for the shipped one,
"embeddings": whether to learn with them}.
Out: a line of JSON {"headlines", "labels", "judged", "candidate", "present", "megabytes"} and then the version's bytes;
or, with exit status TOO_FEW, nothing. It is a process of its own so that it never holds up the service.
"""

import base64
import json
import os
import resource
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

from scorers.news.embedding import EmbeddedModel
from scorers.news.model import Model
from scorers.news.read import shipped_models
from scorers.news.refit import Row, refit
from scorers.news.training import TooFewLabels

TOO_FEW = 3
"""Exit status: there are too few labels to learn from."""

NICENESS = 10


def main() -> int:
    """Learn what is asked for on standard input."""
    os.nice(NICENESS)
    return answer(json.load(sys.stdin.buffer), sys.stdout.buffer)


def answer(asked: dict[str, Any], out: BinaryIO) -> int:
    """Write the answer to a request and return the exit status."""
    language, given = asked["language"], asked["present"]
    kind = EmbeddedModel if asked["embeddings"] else Model
    present = shipped_models()[language] if given is None else kind.from_bytes(base64.b64decode(given))
    try:
        learned = refit(
            [Row(*row) for row in asked["rows"]], present, language=language, embeddings=asked["embeddings"]
        )
    except TooFewLabels:
        return TOO_FEW
    report = {
        "headlines": learned.headlines,
        "labels": learned.labels,
        "judged": learned.judged,
        "candidate": learned.candidate and asdict(learned.candidate),
        "present": learned.present and asdict(learned.present),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    out.write(json.dumps(report).encode() + b"\n" + learned.model.to_bytes())
    out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
