"""``dispatcher send``: publish events as any producer would."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import uuid4

import typer

from dispatcher.cli import event_lines, output
from dispatcher.cli.event_lines import EventLine
from dispatcher.cli.failures import ExitCode, UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import Session, session
from dispatcher.events import ActorKind, Change
from dispatcher.ports import Parcel, Queue

_LANES: Final = 6
"""Calls to the broker at a time: a store that syncs every write to disk syncs them together."""

_LANE: Final = 40
"""Events per call: Ctrl-C waits for the calls under way."""


def command(
    context: typer.Context,
    *,
    org: Annotated[str, typer.Option(help="Whose policy decides: the organization's id.")] = "",
    email: Annotated[str, typer.Option(help="The user's address.")] = "",
    user_id: Annotated[str, typer.Option(help="The user's id.")] = "",
    name: Annotated[str, typer.Option(help="How the mail calls the user.")] = "",
    locale: Annotated[str, typer.Option(help="The mail's language, such as de or pt-BR.")] = "",
    change: Annotated[Change, typer.Option(help="How the password changed.")] = Change.CHANGE,
    actor: Annotated[ActorKind, typer.Option(help="Who changed it.")] = ActorKind.USER,
    event_id: Annotated[
        str, typer.Option("--id", help="The event's id; random if not given.")
    ] = "",
    file: Annotated[
        str, typer.Option(metavar="FILE", help="Publish each line of FILE; - is standard input.")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Refuse events that break a rule.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Publish one event, or each line of a file, and print the ids.

    A line is an event as JSON, or an object with one under "event". A missing id is made up,
    a missing time is now, and a time may be now-5m. All lines are checked before the first is
    published; with --no-check they go out as they are, and bad ones become dead letters.
    Ctrl-C stops between two events and tells how many were published.

    For example:

        dispatcher send --org acme --email ada@example.org --locale de

        dispatcher send --file docs/examples/events.jsonl --no-check

        producer | dispatcher send --file - --json
    """
    here = session(context)
    if file and (org or email or user_id or event_id):
        raise UsageError("--file brings whole events: leave out --org, --email, --user-id and --id")
    if file:
        lines = _read(file)
    elif org and (email or user_id):
        user = {"id": user_id, "email": email, "display_name": name, "locale": locale}
        lines = [EventLine(1, _event(event_id, org, user, change, actor))]
    else:
        raise UsageError("expected --org and --email (or --user-id), or --file")
    _send(here, _checked(here, lines, check=check), as_json=as_json)


def _event(
    event_id: str, org: str, user: Mapping[str, str], change: Change, actor: ActorKind
) -> dict[str, Any]:
    return {
        **({"id": event_id} if event_id else {}),
        "org_id": org,
        "user": {name: value for name, value in user.items() if value},
        "change": change.value,
        "actor": {"kind": actor.value},
    }


def _read(file: str) -> list[EventLine]:
    if file == "-":
        return list(event_lines.read(typer.get_text_stream("stdin", encoding="utf-8")))
    try:
        with Path(file).open(encoding="utf-8") as lines:
            return list(event_lines.read(lines))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: expected UTF-8") from error


def _checked(here: Session, lines: Iterable[EventLine], *, check: bool) -> list[EventLine]:
    now = here.now()
    dated = [_on_objects(line, lambda event: event_lines.dated(event, now)) for line in lines]
    if not check:
        return dated
    whole = [_on_objects(line, lambda event: event_lines.completed(event, now)) for line in dated]
    event_lines.check(whole)
    return whole


def _on_objects(line: EventLine, change: Callable[[dict[str, Any]], dict[str, Any]]) -> EventLine:
    return replace(line, event=change(line.event)) if isinstance(line.event, dict) else line


@dataclass(slots=True)
class _Published:
    """What the broker has taken so far."""

    parcels: list[Parcel] = field(default_factory=list)
    interrupted: bool = False


def _send(here: Session, lines: Sequence[EventLine], *, as_json: bool) -> None:
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
