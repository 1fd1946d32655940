"""``dispatcher policy``: read and write what organizations want."""

from collections.abc import Awaitable, Callable, Mapping
from getpass import getuser
from typing import Any

import typer

from dispatcher.cli import output, policy_history
from dispatcher.cli.failures import ExitCode
from dispatcher.cli.organization import Org, organization
from dispatcher.cli.output import AsJson
from dispatcher.cli.policy_switch import USUAL, KindSwitch, Switch, Value, kind
from dispatcher.cli.session import OpenStore, Session, session
from dispatcher.errors import PolicyNotFound
from dispatcher.policies import Policies
from dispatcher.policy import COMPATIBLE, INSTANCE, Details, Effect, Policy, Written
from dispatcher.policy_wire import changed, policy_body
from dispatcher.stories.times import clock_time, relative
from dispatcher.triggers import Trigger

app = typer.Typer(
    no_args_is_help=True,
    help="Read and write policies: does an organization want its people told?\n\n"
    "An organization's own policy counts first, then the default; with neither, nobody is told.",
)
default_app = typer.Typer(
    no_args_is_help=True, help="Read and write the default, for organizations without a policy."
)
app.add_typer(default_app, name="default")
app.command("history")(policy_history.history)
app.command("dry-run")(policy_history.dry_run)
default_app.command("history")(policy_history.default_history)


@app.command("get")
def get(
    context: typer.Context, org: Org, *, switch: KindSwitch = USUAL, as_json: AsJson = False
) -> None:
    """Show what counts for an organization: its own policy, or the default.

    Ends with 1 when there is neither.

    For example:

        dispatcher policy get acme
    """
    owner, trigger = organization(org), kind(switch)
    _show(session(context), org, trigger, lambda policies: policies.get(owner), as_json=as_json)


@app.command("set")
def put(
    context: typer.Context,
    org: Org,
    value: Value,
    *,
    switch: KindSwitch = USUAL,
    as_json: AsJson = False,
) -> None:
    """Say whether an organization's people are told; it counts from the next event on.

    For example:

        dispatcher policy set acme on

        dispatcher policy set acme on --switch emailChange
    """
    owner = organization(org)
    _write(
        session(context),
        owner,
        kind(switch),
        value,
        lambda policies, switches: policies.update(owner, switches, by=_who()),
        as_json=as_json,
    )


@app.command("reset")
def reset(context: typer.Context, org: Org, *, as_json: AsJson = False) -> None:
    """Remove an organization's own policy, so that the default counts again.

    Ends with 1 when it has none of its own.

    For example:

        dispatcher policy reset acme
    """
    owner = organization(org)
    document = session(context).with_store(lambda store: _reset(store.policies, owner))
    if as_json:
        output.document(document)
    else:
        output.say(f"{org} has no policy of its own any more: the default counts.")


@default_app.command("get")
def get_default(
    context: typer.Context, *, switch: KindSwitch = USUAL, as_json: AsJson = False
) -> None:
    """Show the default policy.

    Ends with 1 when there is none.

    For example:

        dispatcher policy default get
    """
    here, trigger = session(context), kind(switch)
    _show(here, INSTANCE, trigger, lambda policies: policies.get_default(), as_json=as_json)


@default_app.command("set")
def set_default(
    context: typer.Context, value: Value, *, switch: KindSwitch = USUAL, as_json: AsJson = False
) -> None:
    """Say whether people of organizations without a policy are told.

    For example:

        dispatcher policy default set on
    """
    _write(
        session(context),
        INSTANCE,
        kind(switch),
        value,
        lambda policies, switches: policies.update_default(switches, by=_who()),
        as_json=as_json,
    )


def _who() -> str:
    try:
        return f"cli:{getuser()}"
    except (KeyError, OSError):  # a container's user without a name
        return "cli"


def _show(
    here: Session,
    owner: str,
    trigger: Trigger,
    read: Callable[[Policies], Awaitable[Policy]],
    *,
    as_json: bool,
) -> None:
    async def shown(store: OpenStore) -> tuple[Policy, Details]:
        policy = await read(store.policies)
        return policy, store.policies.details(policy)

    try:
        policy, details = here.with_store(shown)
    except PolicyNotFound:
        if not as_json:
            raise
        output.document({"policy": None})
        raise typer.Exit(ExitCode.NO) from None
    if as_json:
        output.document(policy_body(policy, details, COMPATIBLE | {trigger.switch}))
        return
    output.say(_meaning(owner, trigger, permitted=policy.permits(trigger.switch)))
    whose = "the default policy" if policy.is_default else f"{policy.owner}'s own policy"
    changed_at = f"{clock_time(policy.changed_at)}, {relative(policy.changed_at, here.now())}"
    output.say(output.faint(f"{whose}, change {policy.sequence}, {changed_at}"))


def _write(
    here: Session,
    owner: str,
    trigger: Trigger,
    value: Switch,
    write: Callable[[Policies, Mapping[str, bool]], Awaitable[Written]],
    *,
    as_json: bool,
) -> None:
    wanted = value is Switch.ON

    async def done(store: OpenStore) -> tuple[Written, Details]:
        written = await write(store.policies, {trigger.switch: wanted})
        return written, store.policies.details(written)

    written, details = here.with_store(done)
    if as_json:
        output.document({"effect": written.effect.value} | changed(details))
        return
    unchanged = " It was so already." if written.effect is Effect.UNCHANGED else ""
    output.say(_meaning(owner, trigger, permitted=wanted) + unchanged)


async def _reset(policies: Policies, owner: str) -> dict[str, Any]:
    return changed(policies.details(await policies.reset(owner, by=_who())))


def _meaning(owner: str, trigger: Trigger, *, permitted: bool) -> str:
    who = "organizations without a policy of their own" if owner == INSTANCE else owner
    told = "are told" if permitted else "are not told"
    return f"People of {who} {told} when {trigger.occasion}."
