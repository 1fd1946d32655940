"""``dispatcher send``: publish events as any producer would."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher.cli import event_lines
from dispatcher.cli.event_lines import EventLine
from dispatcher.cli.failures import UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.send_publish import publish
from dispatcher.cli.session import Session, session
from dispatcher.events import PASSWORD_CHANGED, ActorKind, Change

Org = Annotated[str, typer.Option(help="Whose policy decides: the organization's id.")]
Email = Annotated[str, typer.Option(help="The user's address.")]
UserId = Annotated[str, typer.Option(help="The user's id.")]
Name = Annotated[str, typer.Option(help="How the mail calls the user.")]
Locale = Annotated[str, typer.Option(help="The mail's language, such as de or pt-BR.")]
HowChanged = Annotated[Change, typer.Option(help="How the password changed.")]
ByWhom = Annotated[ActorKind, typer.Option(help="Who changed it.")]
Kind = Annotated[str, typer.Option("--type", help="What happened: the event's type.")]
Previous = Annotated[str, typer.Option(help="The user's address before the change.")]
EventId = Annotated[str, typer.Option("--id", help="The event's id; random if not given.")]
File = Annotated[
    str, typer.Option(metavar="FILE", help="Publish each line of FILE; - is standard input.")
]
Check = Annotated[bool, typer.Option("--check/--no-check", help="Refuse events that break a rule.")]


def command(
    context: typer.Context,
    *,
    org: Org = "",
    email: Email = "",
    user_id: UserId = "",
    name: Name = "",
    locale: Locale = "",
    change: HowChanged = Change.CHANGE,
    actor: ByWhom = ActorKind.USER,
    event_type: Kind = PASSWORD_CHANGED,
    previous_email: Previous = "",
    event_id: EventId = "",
    file: File = "",
    check: Check = True,
    as_json: AsJson = False,
) -> None:
    """Publish one event, or each line of a file, and print the ids.

    A line is an event as JSON, or an object with one under "event", such as `dispatcher dead
    export --reveal` writes. A missing id is made up,
    a missing time is now, and a time may be now-5m. All lines are checked before the first is
    published; with --no-check they go out as they are, and bad ones become dead letters.
    Ctrl-C stops between two events and tells how many were published.

    For example:

        dispatcher send --org acme --email ada@example.org --locale de

        dispatcher send --file docs/examples/events.jsonl --no-check

        producer | dispatcher send --file - --json
    """
    here = session(context)
    user = {
        "id": user_id,
        "email": email,
        "previous_email": previous_email,
        "display_name": name,
        "locale": locale,
    }
    if file and (org or email or user_id or event_id):
        raise UsageError("--file brings whole events: leave out --org, --email, --user-id and --id")
    if file:
        lines = _read(file)
    elif org and (email or user_id):
        lines = [EventLine(1, _event(event_id, org, user, change, actor) | {"type": event_type})]
    else:
        raise UsageError("expected --org and --email (or --user-id), or --file")
    publish(here, _checked(here, lines, check=check), as_json=as_json)


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
