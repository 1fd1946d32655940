"""The demo's stage: everything that the main job needs, set up, played on, and taken down."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

from dispatcher import bootstrap
from dispatcher.adapters.standalone.supervisor import Supervisor
from dispatcher.bootstrap import Endpoints, Store, SystemClock
from dispatcher.cli import output, parts
from dispatcher.cli.demo_examples import load_events, load_policies
from dispatcher.cli.demo_folder import DemoFolder
from dispatcher.cli.demo_mails import read_mails
from dispatcher.cli.demo_report import Report
from dispatcher.cli.demo_run import DemoFailed, Producer, settle
from dispatcher.cli.demo_verdicts import checks, verdicts
from dispatcher.delivery import Delivery
from dispatcher.message import message_id
from dispatcher.settings import Settings, load_settings

_DEADLINE: Final = 90.0
"""Seconds the whole run may take; one example is greylisted and waits for its second attempt."""

_DOMAIN: Final = "dispatcher.example"


@dataclass(frozen=True, slots=True)
class _Stage:
    """What is running while the examples are played."""

    folder: DemoFolder
    settings: Settings
    places: Endpoints
    supervisor: Supervisor

    def crashes(self) -> list[str]:
        """Return what ended that should not have."""
        return [
            f"the {state.name} process ended with {state.exit_code}"
            for state in self.supervisor.states()
            if state.exit_code is not None
        ]

    def watch(self) -> None:
        """Raise as soon as the worker has died.

        Raises:
            DemoFailed: It has.
        """
        if found := self.crashes():
            raise DemoFailed(f"{found[0]}; its log is {self.folder.worker_log}")


def perform(data_dir: Path | None, *, quiet: bool) -> Report:
    """Play the examples on a stage of their own, and return what was found.

    Args:
        data_dir: Where to keep what it makes; None for ``demo/`` in the data folder.
        quiet: Show no progress.

    Raises:
        ConfigError: The folder cannot be used, or there is no server to start.
        DemoFailed: The worker ended, or never answered.
    """
    settings = load_settings()
    folder = DemoFolder(data_dir or settings.data_dir / "demo")
    folder.claim()
    with parts.interruptible(), parts.holding(folder.path, "a demo"):
        folder.wipe()
        with _stage(folder, settings) as stage:
            return asyncio.run(_play(stage, quiet=quiet))


@contextmanager
def _stage(folder: DemoFolder, settings: Settings) -> Iterator[_Stage]:
    own = settings.model_copy(
        update={"data_dir": folder.path, "broker_url": None, "store_url": None}
    )
    with (
        folder.worker_log.open("a", encoding="utf-8") as log,
        parts.endpoints(own, output.note) as places,
        parts.inbox(folder.inbox, http_port=0) as inbox,
    ):
        worker = parts.worker("worker", places, _settings_of_worker(inbox.smtp_url))
        write = partial(_write_line, log.write)
        supervisor = Supervisor([worker], grace=settings.stop_grace, on_line=write)
        supervisor.start()
        try:
            yield _Stage(folder, own, places, supervisor)
        finally:
            supervisor.stop()


def _settings_of_worker(smtp_url: str) -> Mapping[str, str]:
    return {
        "smtp_url": smtp_url,
        "mail_from": f"Example Security <no-reply@{_DOMAIN}>",
        "contact": f"security@{_DOMAIN}",
        # The examples expect these, whatever this machine's settings are.
        "default_locale": "en",
        "default_password_change": "",
        "max_age": "86400",
        "templates_dir": "",
    }


def _write_line(write: Callable[[str], object], _name: str, line: str) -> None:
    write(f"{line}\n")


async def _play(stage: _Stage, *, quiet: bool) -> Report:
    deadline = monotonic() + _DEADLINE
    producer = Producer(stage.places)
    examples = load_events(SystemClock().now())
    with output.progress("Delivering", quiet=quiet) as progress:
        bar = progress.add_task("", total=len(examples))
        try:
            updates = [
                await producer.update(example, deadline=deadline, watch=stage.watch)
                for example in load_policies()
            ]
            started = monotonic()
            published = producer.publish(examples)
        finally:
            producer.close()
        async with bootstrap.open_store(stage.settings, stage.places.store_url) as store:
            found = await settle(
                store.ledger,
                published,
                deadline=deadline,
                seen=lambda count: progress.update(bar, completed=count),
            )
            seconds = monotonic() - started
            totals = await store.ledger.totals()
            mails = read_mails(stage.folder.inbox)
            compared = verdicts(found, mails, partial(_message_id, store))
    return Report(
        updates=updates,
        verdicts=compared,
        checks=checks(compared, mails, totals, stage.crashes()),
        totals=totals,
        mails=len(mails),
        seconds=seconds,
        inbox=stage.folder.inbox,
        worker_log=stage.folder.worker_log,
    )


def _message_id(store: Store, delivery: Delivery) -> str:
    return message_id(
        store.secret,
        org_id=delivery.org_id,
        event_id=delivery.event_id,
        template=delivery.trigger,
        recipient=delivery.recipient,
        domain=_DOMAIN,
    )
