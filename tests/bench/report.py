"""The results as a page, as JSON and as lines on a terminal."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.bench import plot
from tests.bench.series import Claim, Figure, Series

_PLOTTED: Final = ("job", "nothing")
_VERDICTS: Final = {True: "met", False: "**not met**", None: "not measured"}
_REMARKS: Final = "remarks.md"
"""What a person wrote about the results, beside this module; it ends the page."""


@dataclass(frozen=True, slots=True)
class Results:
    """A run's outcome.

    Args:
        figures: Its chapters.
        machine: Where and with what.
        at: When it began.
        rounds: How often everything was measured.
        quick: Whether with less.
        loads: The machine's load average before and after.
    """

    figures: Sequence[Figure]
    machine: Mapping[str, str]
    at: datetime
    rounds: int
    quick: bool
    loads: tuple[float, float]


def as_json(results: Results) -> str:
    """Return everything, for programs."""

    def plain(value: Any) -> Any:
        if isinstance(value, float) and math.isnan(value):  # which JSON does not know
            return None
        return value

    found = asdict(results) | {"at": results.at.isoformat()}
    for figure, chapter in zip(results.figures, found["figures"], strict=True):
        for series, entry in zip(figure.series, chapter["series"], strict=True):
            entry["median"] = plain(series.median)
        for claim, entry in zip(figure.claims, chapter["claims"], strict=True):
            entry |= {"measured": plain(claim.measured), "is_met": claim.is_met}
    return json.dumps(found, indent=2, ensure_ascii=False)


def show(results: Results, console: Console) -> None:
    """Print the targets and what became of them."""
    table = Table("speed to reach", "target", "measured", "")
    for figure in results.figures:
        for series in figure.series:
            table.add_row(series.name, "", _value(series), "", style="dim")
        for claim in figure.claims:
            verdict = _VERDICTS[claim.is_met].strip("*")
            style = {True: "green", False: "red", None: "yellow"}[claim.is_met]
            row, measured = f"{figure.title}: {claim.text}", _number(claim.measured, claim.unit)
            table.add_row(row, _target(claim), measured, verdict, style=style)
    console.print(table)


def write_page(results: Results, docs: Path) -> Path:
    """Write benchmarks.md and its plots under *docs*; return the page."""
    page = docs / "benchmarks.md"
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join([*_head(results), *_claims(results), *_chapters(results, images)]))
    return page


def _head(results: Results) -> list[str]:
    extent = " with `--quick`: fewer messages, so take it as a hint" if results.quick else ""
    after = results.loads[1]
    return [
        "# Benchmarks",
        "",
        "Written by `make bench` (`tests/bench`); what others would use runs beside it, in turn,",
        "on the same Valkey (unix socket, append-only file synced `everysec` unless it says so),",
        "into the same relay, with the same mail. A rate is that of the middle of a filled queue,",
        "from 10 % to 95 %. Columns: median of the rounds, lowest, highest.",
        "",
        f"{results.at:%Y-%m-%d %H:%M} UTC, {results.rounds} rounds{extent}. Load average of the",
        f"machine before {results.loads[0]:.1f} (near 0 if it was quiet), after {after:.1f}.",
        "",
        *(f"- {name}: {text}" for name, text in results.machine.items()),
        "",
    ]


def _claims(results: Results) -> list[str]:
    rows = [
        f"| {figure.title}: {claim.text} | {_target(claim)} | {_number(claim.measured, claim.unit)}"
        f" | {_VERDICTS[claim.is_met]} |"
        for figure in results.figures
        for claim in figure.claims
    ]
    return [
        "## Speed to reach",
        "",
        "| what | target | measured | |",
        "|---|---|---|---|",
        *rows,
        "",
    ]


def _chapters(results: Results, images: Path) -> list[str]:
    lines = []
    for figure in results.figures:
        lines += [f"## {figure.title}", ""]
        if figure.name in _PLOTTED and figure.series[0].values:
            image = images / f"bench-{figure.name}.svg"
            image.write_text(plot.bars(figure.title, figure.series))
            lines += [f"![{figure.title}](images/{image.name})", ""]
        lines += ["| | | lowest | highest |", "|---|---|---|---|"]
        lines += [_row(series) for series in figure.series]
        lines += ["", *(f"{note}\n" for note in figure.notes)]
    remarks = Path(__file__).with_name(_REMARKS)
    return [*lines, remarks.read_text() if remarks.exists() else ""]


def _row(series: Series) -> str:
    if not series.values:
        return f"| {series.name} | skipped: {series.missing} | | |"
    low, high = (_number(value, "") for value in series.spread)
    return f"| {series.name} | {_value(series)} | {low} | {high} |"


def _value(series: Series) -> str:
    return _number(series.median, series.unit) if series.values else f"skipped: {series.missing}"


def _target(claim: Claim) -> str:
    return f"{'≥' if claim.at_least else '≤'} {_number(claim.target, claim.unit)}"


def _number(value: float, unit: str) -> str:
    if math.isnan(value):
        return "-"
    text = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{text} {unit}".rstrip()
