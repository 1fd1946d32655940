"""``dispatcher render``: an event's mail as files, sent to no one."""

import asyncio
import json
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from dispatcher.adapters.standalone.mail_view import MailView, take_apart
from dispatcher.cli import event_lines, output
from dispatcher.cli.failures import UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, Session, session
from dispatcher.correspondence import Terms
from dispatcher.delivery import Skipped
from dispatcher.errors import (
    ConfigError,
    LookNotFound,
    MalformedEvent,
    RenderError,
    SenderNotFound,
    StoreUnavailable,
)
from dispatcher.events import Event
from dispatcher.message import Message
from dispatcher.ports import Renderer
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
    instance_look: Annotated[
        bool,
        typer.Option(
            "--instance-look", help="Show what an organization without a look of its own gets."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the mail of one event into a folder: whole (.eml), its text, its HTML.

    The event is checked as a worker would, and rendered with this installation's templates and
    settings, in its organization's look and from its sender, as the store has them; where the
    store does not answer, in the instance's, and stderr says so. Nothing is sent or recorded.
    A missing id is made up, a missing time is now. The Message-ID is not a worker's.

    Ends with **1** when the event has no address to write to, or a template fails with it;
    with **2** when it breaks a rule, or a template or setting cannot be used at all.

    For example:

        dispatcher render --event event.json --out mails --locale de
    """
    from dispatcher.cli.preview_mails import Look
    from dispatcher.settings import load_settings

    here = session(context)
    renderer = Look.of(load_settings()).renderer(here)
    parsed = _event(here, _read(event))
    parsed = replace(parsed, user=replace(parsed.user, locale=locale or parsed.user.locale))
    terms = Terms() if instance_look else _terms(here, parsed.org_id)
    message = _message(renderer, parsed, terms)
    view = take_apart(message.content)
    files = _written(out, _NOT_IN_NAMES.sub("_", parsed.id), message, view)
    if as_json:
        output.document(
            {
                "event_id": parsed.id,
                "message_id": message.id,
                "look": "organization" if terms.look else "instance",
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


def _terms(here: Session, org_id: str) -> Terms:
    """Return how the organization's mails look and leave; the instance's terms without a store."""

    async def own(store: OpenStore) -> Terms:
        sender, look = None, None
        with suppress(SenderNotFound):
            sender = await store.senders.get(org_id)
        with suppress(LookNotFound):
            look = await store.looks.get(org_id)
        return Terms(sender, look=look)

    try:
        return here.with_store(own)
    except (StoreUnavailable, ConfigError) as error:
        output.note(f"In the instance's look: that of {org_id} is not known here: {error}")
        return Terms()


def _message(renderer: Renderer, event: Event, terms: Terms) -> Message:
    """Return the mail that a worker would make of an event."""
    from dispatcher.adapters.directory.from_event import FromEvent
    from dispatcher.cli.preview_mails import draft

    trigger = discover().for_type(event.type)
    recipient = asyncio.run(FromEvent().find(event, trigger.addressee))
    if isinstance(recipient, Skipped):
        raise RenderError("the event has no address to write to")
    return renderer.render(draft(trigger, event, recipient, terms))


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
