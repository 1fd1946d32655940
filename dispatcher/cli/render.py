"""``dispatcher render``: an event's mail as files, sent to no one."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from dispatcher.adapters.standalone.mail_view import MailView, take_apart
from dispatcher.cli import event_lines, output
from dispatcher.cli.failures import UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import Session, session
from dispatcher.errors import MalformedEvent, RenderError
from dispatcher.events import Event
from dispatcher.message import Message
from dispatcher.ports import Clock
from dispatcher.triggers import discover

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._@+=-]|\A\.")
"""Of an event id's characters, those that mean something in a path."""


def command(
    context: typer.Context,
    *,
    event: Annotated[
        str, typer.Option(metavar="FILE", help="The event as JSON; - is standard input.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the files.")],
    locale: Annotated[
        str, typer.Option(help="The mail's language instead of the event's, such as de.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write the mail of one event into a folder: whole (.eml), its text, its HTML.

    The event is checked as a worker would, and rendered with this installation's templates and
    settings; nothing is sent or recorded, and no server is needed. A missing id is made up, a
    missing time is now. The Message-ID is not the one that a worker would give it.

    Ends with **1** when the event has no address to write to, or a template fails with it;
    with **2** when it breaks a rule, or a template or setting cannot be used at all.

    For example:

        dispatcher render --event event.json --out mails --locale de
    """
    here = session(context)
    parsed = _event(here, _read(event))
    message = _message(
        here, replace(parsed, user=replace(parsed.user, locale=locale or parsed.user.locale))
    )
    view = take_apart(message.content)
    files = _written(out, _NOT_IN_NAMES.sub("_", parsed.id), message, view)
    if as_json:
        output.document(
            {
                "event_id": parsed.id,
                "message_id": message.id,
                "language": view.header("content-language"),
                "subject": view.header("subject"),
                "files": {kind: str(path) for kind, path in files.items()},
            }
        )
        return
    for path in files.values():
        output.line(str(path))


def _read(file: str) -> object:
    """Return the JSON in a file; an object may have the event under ``"event"``."""
    try:
        stdin = typer.get_text_stream("stdin", encoding="utf-8")
        text = stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        value: object = json.loads(text)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise MalformedEvent("expected one event as JSON, in UTF-8") from None
    wrapped = isinstance(value, dict) and "event" in value and "org_id" not in value
    return value["event"] if isinstance(value, dict) and wrapped else value


def _event(here: Session, raw: object) -> Event:
    from dispatcher.sources import native

    if isinstance(raw, dict):
        now = here.now()
        raw = event_lines.completed(event_lines.dated(raw, now), now)
    return native.parse(raw)


def _message(clock: Clock, event: Event) -> Message:
    """Return the mail that a worker would make of an event."""
    from dispatcher.adapters.directory.from_event import FromEvent
    from dispatcher.cli.preview_mails import Look, draft
    from dispatcher.settings import load_settings

    trigger = discover().for_type(event.type)
    recipient = asyncio.run(FromEvent().find(event, trigger.addressee))
    if recipient is None:
        raise RenderError("the event has no address to write to")
    renderer = Look.of(load_settings()).renderer(clock)
    return renderer.render(draft(trigger, event, recipient))


def _written(folder: Path, name: str, message: Message, view: MailView) -> dict[str, Path]:
    """Write the files, and return their paths by kind."""
    contents = {
        "eml": message.content,
        "txt": (view.text or "").replace("\r\n", "\n").encode(),
        "html": (view.html or "").replace("\r\n", "\n").encode(),
    }
    paths = {kind: folder / f"{name}.{kind}" for kind in contents}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, content in contents.items():
            paths[kind].write_bytes(content)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from error
    return paths
