"""``dispatcher why``: the whole story of one event."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from dispatcher.cli import dead_quarantine, output
from dispatcher.cli.failures import ExitCode
from dispatcher.cli.output import AsJson
from dispatcher.cli.put_aside import PutAside
from dispatcher.cli.session import OpenStore, Session, session
from dispatcher.delivery import Delivery
from dispatcher.stories import wire
from dispatcher.stories.story import Story, tell
from dispatcher.stories.times import clock_time, relative
from dispatcher.suppression import Suppression


def command(
    context: typer.Context,
    event_id: Annotated[str, typer.Argument(help="The event's id, as the producer sent it.")],
    org: Annotated[
        str, typer.Option(help="Ask one organization only; an id may live in several.")
    ] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Tell what became of an event, and why.

    Every decision, attempt, reply code and time, in plain words. Ends with 1 when the
    event is unknown, and says where else to look.

    For example:

        dispatcher why 0b9f8a1c

        dispatcher why 0b9f8a1c --org acme --json
    """
    here = session(context)

    async def ask(store: OpenStore) -> list[tuple[Delivery, Suppression | None]]:
        deliveries = await store.ledger.find(event_id, org_id=org)
        standing = store.suppressions.standing
        return [(one, await standing(one.org_id, one.recipient)) for one in deliveries]

    found = here.with_store(ask)
    aside = () if found else dead_quarantine.holding(here, event_id)
    now = here.now()
    told = [
        (delivery, tell(delivery, now=now, suppression=suppression))
        for delivery, suppression in found
    ]
    if as_json:
        output.document(
            {
                "event_id": event_id,
                "deliveries": [wire.delivery(one) | {"story": wire.story(s)} for one, s in told],
                "quarantine": [dead_quarantine.document(one) for one in aside],
            }
        )
    else:
        for number, (_, story) in enumerate(told):
            if number:
                output.say()
            print_story(story, now)
    if not found:
        _tell_where_to_look(here, event_id, org, aside)
        raise typer.Exit(ExitCode.NO)


def print_story(story: Story, now: datetime) -> None:
    """Print a story."""
    output.say(output.strong(story.verdict), "")
    output.table(
        (),
        (
            (
                clock_time(step.at) if step.at else "",
                output.faint(relative(step.at, now) if step.at else ""),
                step.text,
            )
            for step in story.steps
        ),
    )
    if story.advice:
        output.say("", story.advice)


def _tell_where_to_look(here: Session, event_id: str, org: str, aside: Sequence[PutAside]) -> None:
    elsewhere: Sequence[Delivery] = ()
    if org:
        elsewhere = here.with_store(lambda store: store.ledger.find(event_id))
    waiting = here.backlog()
    where = f" of {org}" if org else ""
    output.note(output.bad(f"No event {event_id}{where} is known."))
    if elsewhere:
        owners = ", ".join(sorted(delivery.org_id for delivery in elsewhere))
        output.note(f"• It is known in another organization: {owners}.")
    for message in aside:
        named = dead_quarantine.name(message)
        why = dead_quarantine.because(message.reason)
        output.note(
            f"• A message with it could not be run: {why}. `dispatcher dead show {named}` tells."
        )
    queued = ", ".join(f"{count} on {queue}" for queue, count in waiting.items() if count)
    output.note(
        f"• Messages still wait ({queued}): is a worker running? `dispatcher doctor` tells."
        if queued
        else "• No message waits on the queue: the producer may send to another broker.",
        "• A malformed event may have lost its id: `dispatcher dead list --reason malformed`.",
        "• Finished events are forgotten after DISPATCHER_RETENTION (7 days by default).",
    )
