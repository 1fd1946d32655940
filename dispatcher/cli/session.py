"""What commands work with: the installation that the settings describe, opened when needed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from typing import Protocol, TypeVar

import typer

from dispatcher.cli.put_aside import NoQuarantine, Quarantine
from dispatcher.connections import Connections
from dispatcher.errors import StoreUnavailable
from dispatcher.looks import Looks
from dispatcher.policies import Policies
from dispatcher.ports import DeadLetters, DeliveryLog, Queue
from dispatcher.senders import Senders
from dispatcher.suppressions import Suppressions
from dispatcher.tokens import Tokens
from dispatcher.workforce import Workforce

_T = TypeVar("_T")


class Books(DeliveryLog, DeadLetters, Protocol):
    """The ledger, as a person reads and mends it."""


class OpenStore(Protocol):
    """The store, opened."""

    @property
    def ledger(self) -> Books:
        """Return the ledger."""
        ...

    @property
    def policies(self) -> Policies:
        """Return the policies."""
        ...

    @property
    def senders(self) -> Senders:
        """Return organizations' senders."""
        ...

    @property
    def looks(self) -> Looks:
        """Return organizations' looks."""
        ...

    @property
    def suppressions(self) -> Suppressions:
        """Return the addresses that get no mail."""
        ...

    @property
    def tokens(self) -> Tokens:
        """Return the API's tokens."""
        ...

    @property
    def connections(self) -> Connections:
        """Return the connections."""
        ...

    @property
    def workforce(self) -> Workforce:
        """Return the workers at work."""
        ...


class Session(Protocol):
    """What a command works with."""

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        ...

    def with_store(self, work: Callable[[OpenStore], Awaitable[_T]]) -> _T:
        """Return what *work* returns, done with the store open.

        Raises:
            ConfigError: The settings cannot work.
            StoreUnavailable: The store does not answer.
        """
        ...

    def queue(self) -> Queue:
        """Return the queue of events.

        Raises:
            ConfigError: The settings cannot work.
        """
        ...

    def backlog(self) -> Mapping[str, int]:
        """Return how many messages wait, per queue; empty where the broker does not say."""
        ...

    def quarantine(self) -> AbstractContextManager[Quarantine]:
        """Open the quarantine; what is asked of it raises StoreUnavailable where it is away.

        Raises:
            ConfigError: The settings cannot work.
        """
        ...


class Installation:
    """The session of real life: settings from the environment, a real store and broker."""

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        from dispatcher.bootstrap import SystemClock

        return SystemClock().now()

    def with_store(self, work: Callable[[OpenStore], Awaitable[_T]]) -> _T:
        """Return what *work* returns, done with the store open.

        Raises:
            ConfigError: The settings cannot work.
            StoreUnavailable: The store does not answer.
        """
        from dispatcher import bootstrap
        from dispatcher.settings import load_settings

        settings = load_settings()
        url = bootstrap.endpoints(settings).store_url

        async def opened() -> _T:
            async with bootstrap.open_store(settings, url) as store:
                return await work(store)

        return asyncio.run(opened())

    def queue(self) -> Queue:
        """Return the queue of events.

        Raises:
            ConfigError: The settings cannot work.
        """
        from dispatcher.adapters.broker.queue import CeleryQueue
        from dispatcher.celery import EVENTS_QUEUE, PASSWORD_CHANGED, app

        str(app.conf.broker_url)  # read now, as several threads may publish: Celery reads it lazily
        return CeleryQueue(app, task=PASSWORD_CHANGED, queue=EVENTS_QUEUE)

    def backlog(self) -> Mapping[str, int]:
        """Return how many messages wait, per queue; empty where the broker does not say."""
        from dispatcher.adapters.broker.backlog import backlog
        from dispatcher.celery import app

        with suppress(StoreUnavailable):
            return backlog(app)
        return {}

    @contextmanager
    def quarantine(self) -> Iterator[Quarantine]:
        """Open the quarantine; what is asked of it raises StoreUnavailable where it is away.

        Raises:
            ConfigError: The settings cannot work.
        """
        from dispatcher import bootstrap
        from dispatcher.settings import load_settings

        with bootstrap.open_quarantine(load_settings()) as kept:
            yield NoQuarantine() if kept is None else kept


def session(context: typer.Context) -> Session:
    """Return the session of a command."""
    found: Session = context.obj
    return found
