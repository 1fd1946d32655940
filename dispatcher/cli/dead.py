"""``dispatcher dead``: what was given up, and what to do about it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final

import typer

from dispatcher.cli import output, wire
from dispatcher.cli.deliveries import Limit, Organization, Reason
from dispatcher.cli.failures import ExitCode, UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.redact import redacted
from dispatcher.cli.session import Books, OpenStore, session
from dispatcher.cli.story import tell
from dispatcher.cli.times import relative
from dispatcher.cli.why import print_story
from dispatcher.delivery import Delivery, State
from dispatcher.ports import DeliveryFilter

_AT_ONCE: Final = 1000

EventId = Annotated[str, typer.Argument(metavar="ID", help="The event's id.")]
EventIds = Annotated[list[str], typer.Argument(metavar="ID", help="The events' ids.")]

app = typer.Typer(
    no_args_is_help=True,
    help="Dead letters: events that were given up and are kept for a person, with the reason.",
)


@app.command("list")
def list_letters(
    context: typer.Context,
    *,
    org: Organization = "",
    reason: Reason = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List dead letters, newest first.

    For example:

        dispatcher dead list --reason rejected_recipient
    """
    here = session(context)
    wanted = DeliveryFilter(org, State.DEAD, reason)
    found = here.with_store(lambda store: _letters(store.ledger, wanted, limit))
    if as_json:
        output.document({"dead_letters": [wire.delivery(one) for one in found]})
        return
    if not found:
        output.say("No dead letters.")
        return
    now = here.now()
    output.table(
        ("died", "organization", "event", "reason", "detail"),
        (
            (
                relative(one.changed_at, now),
                one.org_id or "-",
                one.event_id,
                output.bad(one.reason),
                one.detail,
            )
            for one in found
        ),
    )


@app.command("show")
def show(
    context: typer.Context,
    event_id: EventId,
    *,
    org: Organization = "",
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal fields too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a dead letter: its story, and its event with personal fields hidden.

    For example:

        dispatcher dead show 0b9f8a1c --reveal
    """
    here = session(context)
    found = here.with_store(lambda store: _named(store.ledger, event_id, org))
    now = here.now()
    shown = [(one, one.event if reveal else redacted(one.event or {})) for one in found]
    if as_json:
        output.document(
            {"dead_letters": [wire.delivery(one) | {"event": event} for one, event in shown]}
        )
    for one, event in () if as_json else shown:
        print_story(tell(one, now=now), now)
        output.say("", output.strong("The event"))
        output.document(event)
    if not found:
        _not_found([event_id])
        raise typer.Exit(ExitCode.NO)


@app.command("resend")
def resend(
    context: typer.Context,
    event_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="The events' ids.")
    ] = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="All that --org and --reason match.")
    ] = False,
    org: Organization = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Send dead letters again, as a further attempt of the same delivery.

    Workers take them up within a second; a mail keeps its Message-ID.

    For example:

        dispatcher dead resend 0b9f8a1c

        dispatcher dead resend --all --reason render_error
    """
    ids = event_ids or []
    if bool(ids) == every:
        raise UsageError("expected ids, or --all to send all that --org and --reason match")
    if ids and reason:
        raise UsageError("--reason goes with --all")
    here = session(context)

    async def work(store: OpenStore) -> _Changed:
        if every:
            wanted = DeliveryFilter(org, State.DEAD, reason)
            return await _change_all(store.ledger, wanted, store.ledger.revive)
        return await _change(store.ledger, ids, org, store.ledger.revive)

    _report(here.with_store(work), "resent", "due again, as a further attempt", as_json=as_json)


@app.command("drop")
def drop(
    context: typer.Context,
    event_ids: EventIds,
    *,
    org: Organization = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close dead letters for good: their events are erased, their outcome stays dead.

    For example:

        dispatcher dead drop 0b9f8a1c --yes
    """
    if as_json and not yes:
        raise UsageError("--json cannot ask: add --yes")
    count = "this dead letter" if len(event_ids) == 1 else f"these {len(event_ids)} dead letters"
    if not yes:
        typer.confirm(f"Erase {count} for good?", abort=True, err=True)
    changed = session(context).with_store(
        lambda store: _change(store.ledger, event_ids, org, store.ledger.drop)
    )
    _report(changed, "dropped", "erased for good", as_json=as_json)


_Changed = tuple[Sequence[Delivery], Sequence[str]]
"""The dead letters that were changed, and the ids that name none."""


async def _letters(books: Books, wanted: DeliveryFilter, limit: int) -> Sequence[Delivery]:
    """Return the newest dead letters; those that were dropped are history, not letters."""
    asked = limit
    while True:
        found = await books.deliveries(wanted, limit=asked)
        letters = [one for one in found if one.event is not None]
        if len(letters) >= limit or len(found) < asked:
            return letters[:limit]
        asked *= 4


async def _named(books: Books, event_id: str, org: str) -> Sequence[Delivery]:
    found = await books.find(event_id, org_id=org)
    return [one for one in found if one.state is State.DEAD and one.event is not None]


async def _change(
    books: Books, ids: Sequence[str], org: str, change: Callable[[str, str], Awaitable[bool]]
) -> _Changed:
    changed, missing = [], []
    for event_id in dict.fromkeys(ids):
        found = await _named(books, event_id, org)
        if len(found) > 1:
            owners = ", ".join(one.org_id for one in found)
            raise UsageError(f"{event_id} is dead in {owners}: say which with --org")
        if found and await change(found[0].org_id, event_id):
            changed.append(found[0])
        else:
            missing.append(event_id)
    return changed, missing


async def _change_all(
    books: Books, wanted: DeliveryFilter, change: Callable[[str, str], Awaitable[bool]]
) -> _Changed:
    changed: list[Delivery] = []
    seen: set[tuple[str, str]] = set()
    while True:
        # A letter may die again while we go on; each is changed once.
        found = await _letters(books, wanted, _AT_ONCE + len(seen))
        fresh = [one for one in found if (one.org_id, one.event_id) not in seen]
        if not fresh:
            return changed, []
        for one in fresh:
            seen.add((one.org_id, one.event_id))
            if await change(one.org_id, one.event_id):
                changed.append(one)


def _report(result: _Changed, done: str, meaning: str, *, as_json: bool) -> None:
    changed, missing = result
    if as_json:
        output.document({done: [_name(one) for one in changed], "not_found": list(missing)})
    else:
        for one in changed:
            output.say(f"{one.event_id} of {one.org_id or '-'}: {meaning}")
        output.say(f"{len(changed)} {done}.")
    if missing:
        _not_found(missing)
    if missing or not changed:
        raise typer.Exit(ExitCode.NO)


def _name(one: Delivery) -> dict[str, Any]:
    return {"org_id": one.org_id, "event_id": one.event_id}


def _not_found(ids: Sequence[str]) -> None:
    for event_id in ids:
        output.note(output.bad(f"No dead letter {event_id}."))
    output.note("`dispatcher dead list` shows all; `dispatcher why ID` tells what became of one.")
