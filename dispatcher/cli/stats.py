"""``dispatcher stats``: how it goes, now: queues, rates, outcomes, relays, workers."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from rich.live import Live

from dispatcher.cli import output, stats_view
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, Session, session
from dispatcher.cli.stats_view import Snapshot
from dispatcher.errors import StoreUnavailable

_EVERY = 2.0
_SLOWEST = 3600.0


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks at an installation again and again.

    Args:
        store: The store, open.
        backlog: Returns how many messages wait, per queue; it may take a moment.
        now: Tells the time.
    """

    store: OpenStore
    backlog: Callable[[], Mapping[str, int]]
    now: Callable[[], datetime]

    async def look(self) -> Snapshot:
        """Return how it goes now."""
        totals, workers, standing, queues = await asyncio.gather(
            self.store.ledger.totals(),
            self.store.workforce.workers(),
            self.store.workforce.standing(),
            asyncio.to_thread(self.backlog),
        )
        return Snapshot(self.now(), queues, totals, workers, standing)

    async def go_on(self, every: float) -> None:
        """Show it on the terminal until cancelled; a store that is away is waited for."""
        shown = stats_view.view(await self.look())
        with Live(shown, console=output.terminal(), screen=True, auto_refresh=False) as live:
            while True:
                await asyncio.sleep(every)
                try:
                    shown = stats_view.view(await self.look())
                except StoreUnavailable as error:
                    shown = stats_view.away(error, self.now())
                live.update(shown, refresh=True)


def command(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Print it once and end.")] = False,
    every: Annotated[
        float, typer.Option(min=0.2, max=_SLOWEST, help="Seconds between two looks.")
    ] = _EVERY,
    as_json: AsJson = False,
) -> None:
    """Show how it goes, now: queues, rates, outcomes, relays, workers.

    On a terminal it stays and looks again every few seconds; Ctrl-C ends it. Elsewhere, and with
    `--once` or `--json`, it looks once.

    For example:

        dispatcher stats

        dispatcher stats --json | jq .standing.late_seconds
    """
    here = session(context)
    if as_json:
        output.document(stats_view.document(_look(here)))
    elif once or not sys.stdout.isatty():
        output.say(stats_view.view(_look(here)))
    else:
        with suppress(KeyboardInterrupt):
            here.with_store(lambda store: _watch(here, store).go_on(every))


def _look(here: Session) -> Snapshot:
    return here.with_store(lambda store: _watch(here, store).look())


def _watch(here: Session, store: OpenStore) -> Watch:
    return Watch(store, here.backlog, here.now)
