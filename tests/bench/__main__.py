"""``python -m tests.bench``: measure this worker and the alternatives, side by side.

Writes docs/benchmarks.md after a whole run; a part (``--only``) is only shown.
"""

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench import chapters_api as web
from tests.bench import chapters_day as steady
from tests.bench import chapters_fair as fair
from tests.bench import chapters_hooks as doors
from tests.bench import chapters_rate as rate
from tests.bench import chapters_scale as scale
from tests.bench import chapters_sizing as sizing
from tests.bench import chapters_split as apart
from tests.bench import machine
from tests.bench.lanes import Run
from tests.bench.mailtext import write_templates
from tests.bench.race import new_folder
from tests.bench.report import Results, as_json, show, write_page
from tests.bench.series import Figure

CHAPTERS: Final[dict[str, Callable[[Run], Figure]]] = {
    "job": rate.whole_job,
    "nothing": rate.nothing,
    "latency": scale.latency,
    "backlog": scale.backlog,
    "policies": scale.policies,
    "fair": fair.fairness,
    "far": rate.far_relay,
    "starttls": rate.encrypted,
    "off": rate.silence,
    "store": scale.store_bytes,
    "sizing": sizing.costs,
    "split": apart.split,
    "day": steady.day,
    "api": web.api,
    "hooks": doors.hooks,
    "sink": rate.sink_alone,
}
_DOCS: Final = Path(__file__).parents[2] / "docs"
_ROUNDS, _QUICK_ROUNDS = 5, 2
_BUSY: Final = 0.5
_WIDTH: Final = 120


def main() -> None:
    """Measure, show, write."""
    chosen = _arguments()
    signal.signal(signal.SIGTERM, _give_up)
    console = Console(stderr=chosen.json)
    if not console.is_terminal:
        console.width = _WIDTH
    loaded, at = machine.load(), datetime.now(UTC)
    if loaded > _BUSY:
        console.print(f"[yellow]The machine is busy (load {loaded:.1f}): expect less.[/yellow]")
    rounds = chosen.rounds or (_QUICK_ROUNDS if chosen.quick else _ROUNDS)
    with new_folder() as folder, _progress(console) as tell:
        templates = folder / "templates"
        size = write_templates(templates)
        run = Run(templates, size, rounds, chosen.quick, tell)
        figures = [CHAPTERS[name](run) for name in chosen.only or CHAPTERS]
    results = Results(
        figures,
        machine.describe() | {"mail": f"{size:,} bytes"},
        at,
        rounds,
        chosen.quick,
        (loaded, machine.load()),
    )
    if chosen.json:
        print(as_json(results))
    show(results, console)
    if not chosen.only:
        console.print(f"Written: {write_page(results, _DOCS)}")


def _give_up(*_: object) -> None:
    """End what was started; a second signal, which `timeout` sends, must not interrupt that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure with less, in 4 minutes")
    parser.add_argument(
        "--only", metavar="NAME", action="append", choices=CHAPTERS, help=", ".join(CHAPTERS)
    )
    parser.add_argument("--rounds", type=int, help=f"{_ROUNDS}; {_QUICK_ROUNDS} with --quick")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    return parser.parse_args()


@contextlib.contextmanager
def _progress(console: Console) -> Iterator[Callable[[str], None]]:
    """Yield what tells what is measured now: on a terminal a spinner, elsewhere lines."""
    if not console.is_terminal:
        yield console.print
        return
    with console.status("…") as status:
        yield status.update


if __name__ == "__main__":
    main()
