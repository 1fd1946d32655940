"""Running all parts on one machine until told to stop, and saying how to use them."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr
from rich.panel import Panel
from rich.table import Table

from dispatcher import bootstrap
from dispatcher.adapters.standalone.inbox import Inbox
from dispatcher.adapters.standalone.supervisor import EXIT_CONFIG, Supervisor
from dispatcher.bootstrap import Endpoints
from dispatcher.cli import output, parts
from dispatcher.cli.failures import ExitCode
from dispatcher.settings import Settings, load_settings

_MARGIN: Final = 5.0
"""Seconds a worker gets beyond its own grace to hand back what it did not finish."""

_PRODUCER: Final = """\
    from datetime import UTC, datetime
    from celery import Celery
    app, now = Celery(broker={broker}, backend={backend}), datetime.now(UTC).isoformat()
    app.send_task("dispatcher.update_notification_policy", ["acme", {{"passwordChange": True}}], queue="policies").get(timeout=10)
    app.send_task("dispatcher.password_changed", [{{"id": f"try-{{now}}", "org_id": "acme", "user": {{"email": "ada@acme.example"}}, "occurred_at": now}}], queue="notifications")
"""  # noqa: E501 - five lines, as promised


@dataclass(frozen=True, slots=True)
class _Running:
    """What runs: the settings as the workers see them, the places, and the inbox if it is ours."""

    settings: Settings
    places: Endpoints
    inbox: Inbox | None
    processes: int


def run(processes: int) -> ExitCode:
    """Run all parts until a signal; return how it ended.

    Args:
        processes: How many worker processes.

    Raises:
        ConfigError: The settings cannot work, or this folder's system is up already.
        StoreUnavailable: The embedded Valkey does not answer.
    """
    settings = load_settings()
    with ExitStack() as stack:
        stack.enter_context(parts.interruptible())
        stack.enter_context(parts.holding(settings.data_dir, "a `dispatcher up`"))
        places = stack.enter_context(parts.endpoints(settings, output.note))
        inbox = None
        if settings.smtp_url is None:
            inbox = stack.enter_context(parts.relay(Inbox(settings.data_dir / "inbox")))
            settings = _mailing_to(inbox, settings)
        bootstrap.check(settings)
        running = _Running(settings, places, inbox, processes)
        _introduce(running)
        code = _supervisor(running).run()
        output.note("the workers have stopped")
    if code == EXIT_CONFIG:
        return ExitCode.USAGE
    return ExitCode.OK if code == 0 else ExitCode.NO


def _mailing_to(inbox: Inbox, settings: Settings) -> Settings:
    sender = settings.mail_from or parts.SENDER
    return settings.model_copy(update={"smtp_url": SecretStr(inbox.smtp_url), "mail_from": sender})


def _supervisor(running: _Running) -> Supervisor:
    changed = _changed(running)
    return Supervisor(
        [
            parts.worker(f"worker{number}", running.places, changed)
            for number in range(1, running.processes + 1)
        ],
        grace=running.settings.stop_grace + _MARGIN,
        on_line=_pass_on,
    )


def _changed(running: _Running) -> Mapping[str, str]:
    settings, changed = running.settings, {}
    if running.inbox is not None:
        changed = {"smtp_url": running.inbox.smtp_url, "mail_from": settings.mail_from or ""}
    if settings.log_format == "auto" and sys.stderr.isatty():
        changed["log_format"] = "text"  # a worker sees a pipe, but a person reads it
    return changed


def _pass_on(name: str, line: str) -> None:
    shown = line if line.isprintable() else output.clean(line)
    sys.stderr.write(f"{name} │ {shown}\n")


def _introduce(running: _Running) -> None:
    settings, inbox = running.settings, running.inbox
    facts = Table.grid(padding=(0, 3, 0, 0))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    if inbox is not None:
        facts.add_row("mails", f"{inbox.http_url}\n{settings.data_dir / 'inbox'}/")
    else:
        facts.add_row("mails", "to the relays of DISPATCHER_SMTP_URL")
    facts.add_row("queue", _broker(running) or "as DISPATCHER_BROKER_URL says")
    facts.add_row("data", f"{settings.data_dir}/")
    facts.add_row("ask", "dispatcher why ID\ndispatcher deliveries")
    facts.add_row("stop", "Ctrl-C; nothing is lost")
    workers = "1 worker process" if running.processes == 1 else f"{running.processes} workers"
    output.say(Panel(facts, title=f"dispatcher is up: {workers}", padding=(1, 2), expand=False))
    for note in inbox.notes if inbox else ():
        output.note(note)
    broker = repr(_broker(running)) if _broker(running) else 'os.environ["DISPATCHER_BROKER_URL"]'
    backend = repr(_store(running)) if _store(running) else 'os.environ["DISPATCHER_STORE_URL"]'
    output.say("", "A producer, in five lines of Python with plain Celery:", "")
    # Written as it is: a line that is wrapped cannot be pasted.
    sys.stdout.write(_PRODUCER.format(broker=broker, backend=backend) + "\n")
    sys.stdout.flush()


def _broker(running: _Running) -> str:
    """Return the broker's URL where it is ours to show; a configured one may hold a password."""
    return "" if running.settings.broker_url else running.places.broker_url


def _store(running: _Running) -> str:
    return "" if running.settings.store_url or _broker(running) == "" else running.places.store_url
