"""`warden backtest`: how good the likelihoods would have been on our own past."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from warden.cli.opening import opened
from warden.clock import utc_now
from warden.domain import LOCALES
from warden.pipeline import backtest as backtests
from warden.wording import Reader, reader_of

COLUMNS = ("", "AUROC", "foretold", "days ahead", "false alarms", "carried", "band changes")


def backtest(
    weeks: Annotated[int, typer.Option(help="Walk through the last so many weeks.", min=4, max=520)] = backtests.WEEKS,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the whole report here.")] = None,
) -> None:
    """Walk through the past without looking ahead, and say how good each likelihood was beside simple rules.

    It takes minutes for thousands of partners. The report is also kept for the page.
    """
    if json_file is not None and not json_file.parent.is_dir():  # else it would show after minutes
        raise typer.BadParameter(f"{json_file.parent} is no folder")
    with opened() as services:
        stored = backtests.run(
            services.db, services.settings, utc_now(), "command line", weeks=weeks, progress=_show_progress
        )
    report: dict[str, Any] = stored.report if stored else {}
    if json_file is not None:
        json_file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for line in worded(report, reader_of(LOCALES[0])):
        typer.echo(line)


def _show_progress(walked: int, total: int) -> bool:
    if walked == total or walked % 10 == 0:
        typer.echo(f"{walked} of {total} weeks", err=True)
    return True


def worded(report: Mapping[str, Any], reader: Reader) -> Iterator[str]:
    """Yield a report in words, then its figures, then how it was done, line by line; see pipeline.backtest."""
    yield reader.fact(report["summary"][0])
    for outcome in report["outcomes"]:
        yield ""
        yield f"{outcome['name']}: {reader.fact(outcome['sentence'])}"
        for remark in outcome["remarks"]:
            yield f"  {reader.fact(remark)}"
    for outcome in report["outcomes"]:
        if outcome["enough"]:
            yield from _figures(outcome, report, reader)
    yield ""
    for note in report["notes"]:
        yield f"- {reader.fact(note)}"


def _figures(outcome: Mapping[str, Any], report: Mapping[str, Any], reader: Reader) -> Iterator[str]:
    shortest, longest = outcome["horizon_days"]
    horizon = f"{shortest:g}" if shortest == longest else f"{shortest:g} to {longest:g}"
    yield ""
    yield (
        f"{outcome['name']}: horizon {horizon} days, {outcome['rows']:,} partner-weeks of {outcome['partners']:,} "
        f"partners, {outcome['events']:,} began; something was said in {outcome['spoken_share']:.0%}"
    )
    rows = [COLUMNS, *(_row(method, outcome["events"], reader) for method in outcome["methods"])]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    for name, *cells in rows:
        aligned = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield f"  {name.ljust(widths[0])}  {'  '.join(aligned)}"
    yield (
        f"  false alarms: per 100 partner-quarters, at a budget of {report['budget']:g}; "
        "carried: with the threshold of the first half of the weeks, in the second"
    )
    calibration = outcome["calibration"]
    yield f"  calibration: error {_number(calibration['error'], 3)}, Brier skill {_number(calibration['skill'], 3)}"
    for part in calibration["bins"]:
        yield f"    said {part['said_share']:6.1%}  came {part['came_share']:6.1%}  {part['rows']:>9,} partner-weeks"


def _row(method: Mapping[str, Any], events: int, reader: Reader) -> tuple[str, ...]:
    auroc = method["auroc"]
    interval = f" [{_number(auroc['low'], 2)}, {_number(auroc['high'], 2)}]"
    return (
        reader.fact(method["title"]),
        _number(auroc["value"], 3) + interval,
        f"{method['foretold']} of {events}",
        _number(method["lead_days"], 0),
        _number(method["false_alarms"], 1),
        _number(method["carried_false_alarms"], 1),
        _number(method["band_changes"], 2),
    )


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"
