"""What ``dispatcher up`` says once it is up: where things are, and how to make it do something."""

import sys
from dataclasses import dataclass
from typing import Final

from rich.panel import Panel
from rich.table import Table

from dispatcher.bootstrap import Endpoints
from dispatcher.cli import output
from dispatcher.cli.parts import Inbox
from dispatcher.settings import Settings

_EVENT: Final = (
    '{"id": f"try-{now}", "org_id": "acme", "occurred_at": now, '
    '"user": {"email": "ada@acme.example", "display_name": "Ada"}}'
)


@dataclass(frozen=True, slots=True)
class Running:
    """What runs.

    Args:
        settings: The settings as an operator made them.
        places: Broker and store.
        inbox: The inbox, or None where mails go to a configured relay.
        processes: How many worker processes there are.
        http_url: Where the API answers over HTTP.
        grpc_address: Where it does over gRPC, in clear text.
    """

    settings: Settings
    places: Endpoints
    inbox: Inbox | None
    processes: int
    http_url: str
    grpc_address: str

    @property
    def broker(self) -> str | None:
        """Return the broker's URL, or None where it is configured: it may hold a password."""
        return None if self.settings.broker_url else self.places.broker_url

    @property
    def store(self) -> str | None:
        """Return the store's URL, or None where it is configured."""
        configured = self.settings.store_url or (
            self.settings.broker_url and not self.settings.uses_rabbitmq
        )
        return None if configured else self.places.store_url


def introduce(running: Running) -> None:
    """Print where things are, and a producer to paste."""
    workers = "1 worker" if running.processes == 1 else f"{running.processes} workers"
    title = f"dispatcher is up: {workers}"
    output.say(Panel(_facts(running), title=title, padding=(1, 2), expand=False))
    for note in running.inbox.notes if running.inbox else ():
        output.note(note)
    output.say("", "A producer, in plain Celery:", "")
    # Written as it is: a line that is wrapped cannot be pasted.
    sys.stdout.writelines(f"    {line}\n" for line in producer(running))
    output.say()
    sys.stdout.flush()


def producer(running: Running) -> list[str]:
    """Return the lines of a Python program that sets a policy and publishes an event."""
    settings = running.settings
    broker = _argument(running.broker, "DISPATCHER_BROKER_URL")
    store = "DISPATCHER_STORE_URL" if settings.store_url else "DISPATCHER_BROKER_URL"
    backend = _argument(running.store, store)
    policy = '["acme", {"passwordChange": True}]'
    return [
        *(["import os"] if "os.environ" in broker + backend else []),
        "from datetime import UTC, datetime",
        "from celery import Celery",
        f"now, app = datetime.now(UTC).isoformat(), Celery(broker={broker}, backend={backend})",
        # The queues are there already, and RabbitMQ lets nobody declare them differently.
        *(['app.conf.task_create_missing_queue_type = "quorum"'] if settings.uses_rabbitmq else []),
        f'app.send_task("dispatcher.update_notification_policy", {policy}, queue="policies").get(timeout=10)',  # noqa: E501 - one statement of the program
        f'app.send_task("dispatcher.password_changed", [{_EVENT}], queue="notifications")',
    ]


def _facts(running: Running) -> Table:
    settings, inbox = running.settings, running.inbox
    facts = Table.grid(padding=(0, 3, 0, 0))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    if inbox is None:
        facts.add_row("mails", "to the relays of DISPATCHER_SMTP_URL")
    else:
        facts.add_row("mails", f"{inbox.http_url}\n{settings.data_dir / 'inbox'}/")
    facts.add_row("console", f"{running.http_url}/console")
    facts.add_row("API", f"{running.http_url}\n{running.http_url}/docs")
    facts.add_row("gRPC", running.grpc_address)
    facts.add_row("token", "dispatcher token create --org acme --role ORG_OWNER")
    facts.add_row("queue", running.broker or "DISPATCHER_BROKER_URL")
    facts.add_row("data", f"{settings.data_dir}/")
    facts.add_row("ask", "dispatcher why ID\ndispatcher deliveries")
    facts.add_row("stop", "Ctrl-C; nothing is lost")
    return facts


def _argument(url: str | None, variable: str) -> str:
    return f'os.environ["{variable}"]' if url is None else repr(url)
