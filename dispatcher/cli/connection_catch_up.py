"""``dispatcher connection catch-up``: events that an IAM told while nobody was there to hear."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import uuid4

import typer

from dispatcher.cli import output
from dispatcher.cli.connection_parts import Name
from dispatcher.cli.failures import UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, session
from dispatcher.cli.times import parse_since
from dispatcher.connection import Connection
from dispatcher.events import Event
from dispatcher.ports import Parcel, Queue
from dispatcher.settings import load_settings
from dispatcher.stories.times import span

_AT_A_TIME: Final = 100
"""Look-ups and events that are under way together."""


def catch_up(
    context: typer.Context,
    name: Name,
    *,
    since: Annotated[
        str, typer.Option(help="Changes since then: 30m, 2h, 7d, or an ISO 8601 time.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is missing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read the IAM's own log, and publish what its calls did not bring.

    After an outage of the API, for IAMs that do not call again (ZITADEL). What is known already
    stays as it is, so since may be long before the outage. Its token for look-ups reads the log.

    For example:

        dispatcher connection catch-up zitadel --since 2h --dry-run
    """
    here = session(context)
    start = _remembered(parse_since(since, here.now()), here.now())
    connection = here.with_store(lambda store: store.connections.get(name))
    with output.waiting("Reading the log"):
        told, others = _told(connection, start)
        missing = here.with_store(_unknown_of(list(told.values())))
    if missing and not dry_run:
        asyncio.run(_publish(here.queue(), missing))
    _report(told.values(), missing, others, dry_run=dry_run, as_json=as_json)


def _remembered(since: datetime, now: datetime) -> datetime:
    """Return a time that the ledger remembers: what it has forgotten would be told twice.

    Raises:
        UsageError: It is too long ago.
    """
    retention = load_settings().retention
    if (now - since).total_seconds() > retention:
        raise UsageError(
            f"--since: expected {span(retention)} at most (DISPATCHER_RETENTION); what happened "
            "before the ledger has forgotten, and people would be told of it again"
        )
    return since


def _told(connection: Connection, since: datetime) -> tuple[dict[tuple[str, str], Event], int]:
    """Return the events of the log by organization and id, and how many are nobody's here."""
    from dispatcher.cli.connection_log import changes

    told, others = {}, 0
    for event in changes(connection, since):
        if event is None:
            others += 1
        else:
            told[event.org_id, event.id] = event
    return told, others


def _unknown_of(
    events: Sequence[Event],
) -> Callable[[OpenStore], Awaitable[Sequence[Event]]]:
    async def ask(store: OpenStore) -> Sequence[Event]:
        unknown = []
        for start in range(0, len(events), _AT_A_TIME):
            batch = events[start : start + _AT_A_TIME]
            found = await asyncio.gather(
                *(store.ledger.find(event.id, org_id=event.org_id) for event in batch)
            )
            unknown += [event for event, known in zip(batch, found, strict=True) if not known]
        return unknown

    return ask


async def _publish(queue: Queue, events: Sequence[Event]) -> None:
    for start in range(0, len(events), _AT_A_TIME):
        batch = events[start : start + _AT_A_TIME]
        await queue.publish([Parcel(str(uuid4()), event.to_wire()) for event in batch])


def _report(
    told: Collection[Event], missing: Sequence[Event], others: int, *, dry_run: bool, as_json: bool
) -> None:
    if as_json:
        output.document(
            {
                "told": len(told),
                "known": len(told) - len(missing),
                "others": others,
                "missing": [{"org_id": event.org_id, "id": event.id} for event in missing],
                "published": 0 if dry_run else len(missing),
            }
        )
        return
    for event in missing:
        output.line(event.id)
    what = "missing" if dry_run else "published"
    output.note(
        f"{len(told)} changes in the log, {len(told) - len(missing)} known, "
        f"{len(missing)} {what}; {others} more that are nobody's here"
    )
