"""``dispatcher sender``: whose name organizations' mails go out under, and over which relays."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from dispatcher.cli import output
from dispatcher.cli.failures import ExitCode, UsageError
from dispatcher.cli.organization import Org, organization, say_fields
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, session
from dispatcher.errors import RenderError, SenderNotFound, SenderUnreadable
from dispatcher.sender import Sender, SenderChange
from dispatcher.sender_wire import redacted, sender_body

_STDIN = "-"

MailFrom = Annotated[
    str | None,
    typer.Option(
        metavar="MAILBOX", help='Whom mails are from: "Acme <no-reply@acme.example>"; "" resets it.'
    ),
]
ReplyTo = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help='Where answers go; "" resets it.')
]
Relays = Annotated[
    str | None,
    typer.Option(
        metavar="URLS",
        help='As DISPATCHER_SMTP_URL; "" resets them. Others on this machine can see a password '
        "given so: better use --relays-file.",
    ),
]
RelaysFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="A file to read the relays from, or - for stdin."),
]

app = typer.Typer(
    no_args_is_help=True,
    help="Say whose name an organization's mails go out under, and over which relays.\n\n"
    "Without a sender of its own, and for what it leaves open, the instance's settings count.",
)


@app.command("get")
def get(context: typer.Context, org: Org, *, as_json: AsJson = False) -> None:
    """Show an organization's own sender, its passwords hidden.

    Ends with 1 when it has none.

    For example:

        dispatcher sender get acme
    """
    owner, here = organization(org), session(context)
    try:
        sender = here.with_store(lambda store: store.senders.get(owner))
    except SenderNotFound:
        if not as_json:
            raise
        output.document({"sender": None})
        raise typer.Exit(ExitCode.NO) from None
    if as_json:
        output.document({"sender": sender_body(sender)})
        return
    say_fields(_said(sender), sender, here.now())


@app.command("set")
def put(
    context: typer.Context,
    org: Org,
    *,
    mail_from: MailFrom = None,
    reply_to: ReplyTo = None,
    relays: Relays = None,
    relays_file: RelaysFile = None,
    as_json: AsJson = False,
) -> None:
    """Change an organization's sender; what is not given stays. It counts from the next event on.

    For example:

        dispatcher sender set acme --mail-from "Acme <no-reply@acme.example>"
        dispatcher sender set acme --relays-file - < acme-relay.txt
    """
    owner = organization(org)
    change = SenderChange(mail_from, reply_to, _relays(relays, relays_file))
    if change == SenderChange():
        raise UsageError("nothing to set: give --mail-from, --reply-to, --relays-file or --relays")
    written = session(context).with_store(lambda store: store.senders.update(owner, change))
    if as_json:
        effect = "changed" if written.changed else "unchanged"
        output.document({"effect": effect, "sender": sender_body(written.sender)})
        return
    unchanged = "" if written.changed else " It was so already."
    output.say(f"The sender of {org} is set.{unchanged} `dispatcher sender test {org}` tries it.")


@app.command("reset")
def reset(context: typer.Context, org: Org, *, as_json: AsJson = False) -> None:
    """Remove an organization's own sender, so that the instance's counts again.

    Ends with 1 when it has none.

    For example:

        dispatcher sender reset acme
    """
    owner = organization(org)
    left = session(context).with_store(lambda store: store.senders.reset(owner))
    if as_json:
        output.document({"effect": "removed", "sender": sender_body(left)})
    else:
        output.say(f"{org} has no sender of its own any more: the instance's counts.")


@app.command("list")
def show_all(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the organizations that have a sender of their own.

    For example:

        dispatcher sender list
    """
    found = session(context).with_store(_all)
    if as_json:
        output.document({"senders": [_listed(org, sender) for org, sender in found]})
    elif not found:
        output.say("No organization has a sender of its own.")
    else:
        rows = [(org, *_row(sender)) for org, sender in found]
        output.table(("organization", "from", "relays"), rows)


@app.command("test")
def try_out(
    context: typer.Context,
    org: Org,
    *,
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="Send a test mail there.")] = "",
    as_json: AsJson = False,
) -> None:
    """Open a session with each relay that an organization's mails go over; send a test mail.

    Ends with 1 when something fails.

    For example:

        dispatcher sender test acme --to me@example.org
    """
    from dispatcher.cli.checks.sender import check_sender
    from dispatcher.cli.doctor import report

    owner, here = organization(org), session(context)
    sender = here.with_store(lambda store: store.senders.get(owner))
    try:
        with output.waiting("Trying the relays"):
            findings = check_sender(sender, send_to=to, now=here.now())
    except RenderError as error:
        raise UsageError("--to: expected one mail address, such as ada@example.org") from error
    report(findings, as_json=as_json)


async def _all(store: OpenStore) -> Sequence[tuple[str, Sender | None]]:
    """Return who has a sender, and the sender: None where it cannot be read here."""
    found: list[tuple[str, Sender | None]] = []
    for org in await store.senders.organizations():
        try:
            found.append((org, await store.senders.get(org)))
        except SenderUnreadable:
            found.append((org, None))
        except SenderNotFound:
            continue  # it was reset meanwhile
    return found


def _listed(org: str, sender: Sender | None) -> dict[str, object]:
    return {"organization": org, "unreadable": True} if sender is None else sender_body(sender)


def _row(sender: Sender | None) -> tuple[str | Text, str | Text]:
    if sender is None:
        return output.bad("unreadable"), "its key is not in DISPATCHER_ENCRYPTION_KEYS"
    said = dict(_said(sender))
    return said["from"], said["relays"]


def _said(sender: Sender) -> Iterator[tuple[str, str]]:
    yield "from", sender.mail_from or "the instance's"
    yield "replies to", sender.reply_to or "the instance's"
    yield "relays", redacted(sender.relays) or "the instance's"


def _relays(given: str | None, file: str | None) -> str | None:
    if file is None:
        return given
    if given is not None:
        raise UsageError("give --relays-file or --relays, not both")
    try:
        text = sys.stdin.read() if file == _STDIN else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--relays-file: cannot read {file}: {error}") from error
    urls = (line.strip().rstrip(",") for line in text.splitlines())
    relays = ",".join(url for url in urls if url and not url.startswith("#"))
    if not relays:
        raise UsageError(f"--relays-file: there is no relay in {file}")
    return relays
