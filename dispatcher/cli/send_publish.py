"""Publishing many events: in lanes, with a bar, until Ctrl-C."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final
from uuid import uuid4

import typer

from dispatcher.cli import output
from dispatcher.cli.event_lines import EventLine
from dispatcher.cli.failures import ExitCode
from dispatcher.cli.session import Session
from dispatcher.ports import Parcel, Queue

_LANES: Final = 6
"""Calls to the broker at a time: a store that syncs every write to disk syncs them together."""

_LANE: Final = 40
"""Events per call: Ctrl-C waits for the calls under way."""


@dataclass(slots=True)
class _Published:
    """What the broker has taken so far."""

    parcels: list[Parcel] = field(default_factory=list)
    interrupted: bool = False


def publish(here: Session, lines: Sequence[EventLine], *, as_json: bool) -> None:
    """Publish events, and print their ids.

    Raises:
        StoreUnavailable: The broker does not take them; those it took are printed.
        Exit: Ctrl-C came in between.
    """
    parcels = [Parcel(str(uuid4()), line.event) for line in lines]
    published, queue = _Published(), here.queue()
    try:
        with output.progress("Publishing", quiet=len(parcels) == 1) as bar:
            task = bar.add_task("", total=len(parcels))
            asyncio.run(_publish(queue, parcels, published, lambda count: bar.advance(task, count)))
    finally:
        _report(published, as_json=as_json)
        if len(published.parcels) < len(parcels):
            output.note(f"{len(published.parcels)} of {len(parcels)} events were published.")
    if published.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)


async def _publish(
    queue: Queue, parcels: Sequence[Parcel], published: _Published, advance: Callable[[int], None]
) -> None:
    async for batch in _until_interrupted(parcels, published):
        lanes = [batch[start : start + _LANE] for start in range(0, len(batch), _LANE)]
        calls = (queue.publish(lane) for lane in lanes)
        results = await asyncio.gather(*calls, return_exceptions=True)
        for lane, result in zip(lanes, results, strict=True):
            if result is None:
                published.parcels.extend(lane)
                advance(len(lane))
        for result in results:
            if result is not None:
                raise result


async def _until_interrupted(
    parcels: Iterable[Parcel], published: _Published
) -> AsyncIterator[list[Parcel]]:
    """Yield batches; a Ctrl-C counts once the batch under way is published."""
    interrupt = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, interrupt.set)
    rest = iter(parcels)
    try:
        while batch := list(islice(rest, _LANES * _LANE)):
            if interrupt.is_set():
                published.interrupted = True
                return
            yield batch
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _report(published: _Published, *, as_json: bool) -> None:
    named = [(parcel, *_names(parcel)) for parcel in published.parcels]
    if as_json:
        events = [
            {"org_id": org_id, "id": event_id, "message": parcel.receipt}
            for parcel, org_id, event_id in named
        ]
        output.document(
            {"published": len(events), "interrupted": published.interrupted, "events": events}
        )
        return
    for parcel, _, event_id in named:
        output.line(event_id or parcel.receipt)


def _names(parcel: Parcel) -> tuple[str | None, str | None]:
    event: object = parcel.event
    if not isinstance(event, dict):
        return None, None
    org_id, event_id = event.get("org_id"), event.get("id")
    return (
        org_id if isinstance(org_id, str) else None,
        event_id if isinstance(event_id, str) else None,
    )
