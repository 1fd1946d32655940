"""``dispatcher deliveries``: the delivery log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from dispatcher.cli import dead_quarantine, output
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, Session, session
from dispatcher.cli.times import since_if_any
from dispatcher.delivery import Delivery, DeliveryFilter, State, Totals
from dispatcher.stories import wire
from dispatcher.stories.times import clock_time, relative

Limit = Annotated[int, typer.Option(min=1, max=100_000, help="At most this many, newest first.")]
Organization = Annotated[str, typer.Option("--org", help="Of one organization only.")]
Since = Annotated[str, typer.Option(help="Changed since then: 30m, 2h, 7d, or an ISO 8601 time.")]
Reason = Annotated[str, typer.Option(help="With this reason only, such as policy_off.")]


def command(
    context: typer.Context,
    *,
    org: Organization = "",
    state: Annotated[State | None, typer.Option(help="In this state only.")] = None,
    reason: Reason = "",
    since: Since = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first, and the totals.

    Every accepted event ends sent, skipped or dead; those still on their way are open.

    For example:

        dispatcher deliveries --org acme --since 2h

        dispatcher deliveries --state skipped --reason policy_off --json
    """
    here = session(context)
    wanted = DeliveryFilter(org, state, reason, since_if_any(since, here.now()))
    listing = _ask(here, wanted, limit)
    if as_json:
        output.document(
            {
                "deliveries": [wire.delivery(one) for one in listing.found],
                "totals": wire.totals(listing.totals),
                "quarantine": listing.aside,
            }
        )
    else:
        _print(listing, here.now())


@dataclass(frozen=True, slots=True)
class _Listing:
    """What is listed, of how many, and how many messages are in quarantine."""

    found: Sequence[Delivery]
    totals: Totals
    aside: int


def _ask(here: Session, wanted: DeliveryFilter, limit: int) -> _Listing:
    async def ask(store: OpenStore) -> tuple[Sequence[Delivery], Totals]:
        found = await store.ledger.deliveries(wanted, limit=limit)
        return found, await store.ledger.totals(org_id=wanted.org_id)

    found, totals = here.with_store(ask)
    return _Listing(found, totals, 0 if wanted.org_id else dead_quarantine.count(here))


def _print(listing: _Listing, now: datetime) -> None:
    found, aside = listing.found, listing.aside
    if found:
        output.table(
            ("changed", "", "organization", "event", "state", "reason", ">attempts", ">code"),
            (_row(delivery, now) for delivery in found),
        )
        output.say()
    output.say(sum_up(listing.totals))
    if aside:
        messages = "1 message" if aside == 1 else f"{aside} messages"
        output.say(f"{messages} in quarantine, which could not be run: `dispatcher dead list`")


def sum_up(totals: Totals) -> str:
    """Return the set equation as a line."""
    return (
        f"{totals.accepted} accepted = {totals.sent} sent + {totals.skipped} skipped "
        f"+ {totals.dead} dead + {totals.open} open"
    )


def _row(delivery: Delivery, now: datetime) -> tuple[str | Text, ...]:
    code = delivery.history[-1].code if delivery.history else None
    return (
        clock_time(delivery.changed_at),
        output.faint(relative(delivery.changed_at, now)),
        delivery.org_id,
        delivery.event_id,
        output.state(delivery.state.value),
        delivery.reason,
        str(delivery.attempts),
        str(code or ""),
    )
