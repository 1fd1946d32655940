"""``dispatcher dead``: what was given up, and what to do about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Final

import typer
from rich.text import Text

from dispatcher.cli import dead_export, dead_letters, dead_quarantine, output
from dispatcher.cli.dead_change import DROPPED, RESENT, Wanted, not_found, report
from dispatcher.cli.deliveries import Limit, Organization, Reason, Since
from dispatcher.cli.failures import ExitCode, UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.put_aside import PutAside
from dispatcher.cli.session import session
from dispatcher.cli.times import since_if_any
from dispatcher.cli.why import print_story
from dispatcher.delivery import Delivery, DeliveryFilter, State
from dispatcher.message import Message
from dispatcher.stories import wire
from dispatcher.stories.letters import newest_letters
from dispatcher.stories.story import tell
from dispatcher.stories.times import relative

_ID: Final = "The event's id, or quarantine:… of a message that could not be run."

OneId = Annotated[str, typer.Argument(metavar="ID", help=_ID)]
SomeIds = Annotated[list[str] | None, typer.Argument(metavar="ID", help=_ID)]
Every = Annotated[bool, typer.Option("--all", help="All that --org, --reason and --since match.")]

app = typer.Typer(
    no_args_is_help=True,
    help="Dead letters: events that were given up, and messages that could not be run at all. "
    "They are kept for a person, with the reason.",
)
app.command("export")(dead_export.command)


@app.command("list")
def list_letters(
    context: typer.Context,
    *,
    org: Organization = "",
    reason: Reason = "",
    since: Since = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List dead letters, newest first.

    Messages that could not be run are put aside in quarantine and listed as `quarantine:…`,
    unless one organization is asked for: they belong to none.

    For example:

        dispatcher dead list --reason rejected_recipient --since 2h
    """
    here = session(context)
    now = here.now()
    wanted = DeliveryFilter(org, State.DEAD, reason, since_if_any(since, now))
    letters = here.with_store(lambda store: newest_letters(store.ledger, wanted, limit))
    aside: Sequence[PutAside] = ()
    uncounted: Mapping[str, int] = {}
    if not org:
        aside = dead_quarantine.newest(here, reason=reason, since=wanted.since, limit=limit)
        uncounted = dead_quarantine.unlisted(here)
    both: list[Delivery | PutAside] = [*letters, *aside]
    listed = sorted(both, key=_since, reverse=True)[:limit]
    _print_list(listed, uncounted, now, as_json=as_json)


def _print_list(
    listed: Sequence[Delivery | PutAside],
    unlisted: Mapping[str, int],
    now: datetime,
    *,
    as_json: bool,
) -> None:
    if as_json:
        output.document(
            {
                "dead_letters": [wire.delivery(one) for one in listed if isinstance(one, Delivery)],
                "quarantine": [
                    dead_quarantine.document(one) for one in listed if not isinstance(one, Delivery)
                ],
                "unlisted": dict(unlisted),
            }
        )
        return
    if listed:
        output.table(
            ("died", "organization", "id", "reason", "detail"),
            ((relative(_since(one), now), *_row(one)) for one in listed),
        )
    else:
        output.say("No dead letters.")
    if unlisted:
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(unlisted.items()))
        output.say(f"The quarantine was full: further messages were only counted ({counts}).")


@app.command("show")
def show(
    context: typer.Context,
    name: OneId,
    *,
    org: Organization = "",
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal fields too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a dead letter: its story, and its event with personal fields hidden.

    Of a message in quarantine: why it could not be run, and with `--reveal` its bytes.

    For example:

        dispatcher dead show 0b9f8a1c --reveal
    """
    here = session(context)
    now = here.now()
    _, aside_ids = dead_quarantine.split([name])
    aside = [one for item in aside_ids if (one := dead_quarantine.named(here, item))]
    letters: Sequence[Delivery] = ()
    kept_messages: Mapping[str, Message] = {}
    if not aside_ids:
        letters, kept_messages = here.with_store(
            lambda store: dead_letters.with_messages(store.ledger, name, org)
        )
    if as_json:
        output.document(
            {
                "dead_letters": [dead_letters.document(one, reveal=reveal) for one in letters],
                "quarantine": [dead_quarantine.document(one, reveal=reveal) for one in aside],
            }
        )
    else:
        for letter in letters:
            print_story(tell(letter, now=now), now)
            output.say("", dead_letters.describe_message(kept_messages.get(letter.org_id)))
            output.say("", output.strong("The event"))
            output.document(dead_letters.document(letter, reveal=reveal)["event"])
        for message in aside:
            dead_quarantine.show(message, now, reveal=reveal)
    if not letters and not aside:
        not_found([name])
        raise typer.Exit(ExitCode.NO)


@app.command("resend")
def resend(
    context: typer.Context,
    names: SomeIds = None,
    *,
    every: Every = False,
    org: Organization = "",
    reason: Reason = "",
    since: Since = "",
    as_it_was: Annotated[
        bool, typer.Option("--as-it-was", help="Send the kept message, not one rendered anew.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send dead letters again, as a further attempt of the same delivery.

    Workers take them up within a second; a mail keeps its Message-ID, and is rendered anew
    unless `--as-it-was` is given; a letter that keeps no message is then left alone. The
    policy is asked either way. A message in quarantine goes back to its queue as it is, and
    returns where its cause was not mended.

    For example:

        dispatcher dead resend 0b9f8a1c

        dispatcher dead resend --all --reason render_error --since 1d
    """
    here = session(context)
    changed_since = since_if_any(since, here.now())
    wanted = Wanted.parse(names or [], every=every, org=org, reason=reason, since=changed_since)
    letters = here.with_store(
        lambda store: wanted.letters(
            store.ledger, partial(store.ledger.revive, as_it_was=as_it_was)
        )
    )
    aside = wanted.aside(here, lambda quarantine: quarantine.requeue)
    report(letters, aside, RESENT, as_json=as_json)


@app.command("drop")
def drop(
    context: typer.Context,
    names: SomeIds = None,
    *,
    every: Every = False,
    org: Organization = "",
    reason: Reason = "",
    since: Since = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close dead letters for good: their events are erased, their outcome stays dead.

    For example:

        dispatcher dead drop 0b9f8a1c --yes

        dispatcher dead drop --all --reason not_json
    """
    here = session(context)
    changed_since = since_if_any(since, here.now())
    wanted = Wanted.parse(names or [], every=every, org=org, reason=reason, since=changed_since)
    if as_json and not yes:
        raise UsageError("--json cannot ask: add --yes")
    if not yes:
        typer.confirm(f"Erase {wanted} for good?", abort=True, err=True)
    letters = here.with_store(lambda store: wanted.letters(store.ledger, store.ledger.drop))
    aside = wanted.aside(here, lambda quarantine: quarantine.drop)
    report(letters, aside, DROPPED, as_json=as_json)


def _since(one: Delivery | PutAside) -> datetime:
    return one.changed_at if isinstance(one, Delivery) else one.put_aside_at


def _row(one: Delivery | PutAside) -> tuple[str | Text, ...]:
    reason = output.bad(one.reason)
    if isinstance(one, Delivery):
        return one.org_id or "-", one.event_id, reason, one.detail
    return "-", dead_quarantine.name(one), reason, dead_quarantine.describe(one)
