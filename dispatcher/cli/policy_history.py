"""``dispatcher policy history`` and ``dry-run``: what was, and what would have been."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated

import typer

from dispatcher.cli import output
from dispatcher.cli.organization import Org, organization
from dispatcher.cli.output import AsJson
from dispatcher.cli.policy_switch import USUAL, KindSwitch, Switch, Value, kind
from dispatcher.cli.session import OpenStore, Session, session
from dispatcher.cli.times import parse_since
from dispatcher.dry_run import DryRun, Forecast
from dispatcher.policies import Policies
from dispatcher.policy import Change
from dispatcher.policy_wire import change_body, forecast_body
from dispatcher.stories.times import clock_time

Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most this many, newest first.")]


def history(
    context: typer.Context, org: Org, *, limit: Limit = 20, as_json: AsJson = False
) -> None:
    """Show who changed an organization's policy when, from what to what; the last 1,000 are kept.

    For example:

        dispatcher policy history acme
    """
    owner = organization(org)
    _show(session(context), lambda policies: policies.history(owner, limit=limit), as_json=as_json)


def default_history(context: typer.Context, *, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Show who changed the default policy when, from what to what; the last 1,000 are kept.

    For example:

        dispatcher policy default history
    """
    _show(session(context), lambda policies: policies.default_history(limit=limit), as_json=as_json)


def dry_run(
    context: typer.Context,
    org: Org,
    value: Value,
    *,
    switch: KindSwitch = USUAL,
    since: Annotated[str, typer.Option(help="From then on: 12h, 7d, or an ISO 8601 time.")] = "7d",
    as_json: AsJson = False,
) -> None:
    """Show what the last days would have looked like under the other setting; changes nothing.

    For example:

        dispatcher policy dry-run acme on --since 7d
    """
    here, owner, trigger = session(context), organization(org), kind(switch)
    start = parse_since(since, here.now())
    supposed = value is Switch.ON

    async def ask(store: OpenStore) -> Forecast:
        supposing = DryRun(store.ledger, here)
        return await supposing.forecast(owner, trigger=trigger.name, on=supposed, since=start)

    forecast = here.with_store(ask)
    if as_json:
        output.document(forecast_body(forecast, trigger.switch))
        return
    rows = [(day.isoformat(), counts) for day, counts in forecast.days.items()]
    output.table(
        ["day (UTC)", ">events", ">told", f">if {value.value}"],
        [
            (name, str(day.events), str(day.told), str(day.would_be_told))
            for name, day in (*rows, ("all", forecast.total))
        ],
    )
    if forecast.is_partial:
        output.note("There were more events: the oldest are not counted.")
    output.say(output.faint("At most: who has no address or is suppressed is told neither way."))


def _show(
    here: Session,
    read: Callable[[Policies], Awaitable[Sequence[Change]]],
    *,
    as_json: bool,
) -> None:
    async def ask(store: OpenStore) -> Sequence[Change]:
        return await read(store.policies)

    changes = here.with_store(ask)
    if as_json:
        output.document({"changes": [change_body(change) for change in changes]})
        return
    output.table(
        [">change", "when", "who", "before", "after"],
        [
            (
                str(change.sequence),
                clock_time(change.at),
                change.by or "?",
                _words(change.before),
                _words(change.after),
            )
            for change in changes
        ],
    )


def _words(switches: Mapping[str, bool] | None) -> str:
    if switches is None:
        return "no policy"
    others = (f", {name} {_word(on=on)}" for name, on in sorted(switches.items()) if name != USUAL)
    return _word(on=switches.get(USUAL, False)) + "".join(others)


def _word(*, on: bool) -> str:
    return "on" if on else "off"
