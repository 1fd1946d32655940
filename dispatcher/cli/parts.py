"""The parts of a whole system on one machine: started on entry, stopped in order on exit."""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from dispatcher import bootstrap
from dispatcher.adapters.standalone.child import Command
from dispatcher.adapters.standalone.file_lock import FileLock
from dispatcher.adapters.standalone.listening import SHARED, Address, held
from dispatcher.adapters.standalone.supervisor import EXIT_CONFIG, Supervisor
from dispatcher.bootstrap import Endpoints
from dispatcher.cli import output
from dispatcher.cli.failures import ExitCode
from dispatcher.errors import ConfigError
from dispatcher.settings import Settings, environment_with

SENDER: Final = "Notification Dispatcher <no-reply@dispatcher.example>"
"""Who mails are from where they only go to the inbox and nobody set a sender."""

_LOCK: Final = "in-use.lock"

_WAIT_TO_OWN: Final = 3.0
"""Seconds; a command that only asks has ended by then, and stops the Valkey it had started."""

_MARGIN: Final = 5.0
"""Seconds a worker gets beyond its own grace to hand back what it did not finish."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM, and SIGHUP from a terminal that closes, end the program as Ctrl-C does."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, behaviour in before.items():
            signal.signal(number, behaviour)


@contextmanager
def holding(folder: Path, whose: str) -> Iterator[None]:
    """Hold a folder, so that two never use the same one.

    Args:
        folder: It is made, for its owner only, where it is missing.
        whose: What uses it, for the message.

    Raises:
        ConfigError: Another process holds it, or it cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
        ours = lock.acquire()
    except OSError as error:
        raise ConfigError(f"cannot use the folder {folder}: {error.strerror}") from error
    if not ours:
        raise ConfigError(f"{whose} is already running on the data in {folder}")
    try:
        yield
    finally:
        lock.release()


@contextmanager
def endpoints(settings: Settings, report: Callable[[str], None]) -> Iterator[Endpoints]:
    """Have broker and store at hand: the configured ones, else an embedded Valkey kept alive.

    Args:
        settings: The settings.
        report: Is told in one line when the embedded Valkey dies and comes back.

    Raises:
        ConfigError: None is configured, and there is no server to start.
        StoreUnavailable: A server holds the folder but does not answer.
    """
    if not _needs_embedded(settings):
        yield bootstrap.endpoints(settings)
        return
    embedded = bootstrap.embedded_valkey(settings)
    if not embedded.start(wait_to_own=_WAIT_TO_OWN):
        report("another process runs this folder's Valkey; when it ends, this one goes on with it")
    try:
        embedded.watch(report)
        yield bootstrap.endpoints(settings)
    finally:
        embedded.stop()


class Inbox(Protocol):
    """The SMTP inbox, as the parts around it see it."""

    @property
    def smtp_url(self) -> str:
        """Return its URL as a relay."""
        ...

    @property
    def http_url(self) -> str:
        """Return its page's URL."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Return what a person should know about how it started."""
        ...


@contextmanager
def inbox(folder: Path, *, http_port: int) -> Iterator[Inbox]:
    """Have an inbox at hand.

    Args:
        folder: Where the mails go.
        http_port: The page's port; 0 for any free one.

    Raises:
        ConfigError: It is not installed, or has no place to listen or to write.
    """
    try:
        # An extra: who has a relay and a broker needs neither inbox nor embedded Valkey.
        from dispatcher.adapters.standalone import inbox as installed
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the inbox is not installed: install notification-dispatcher[standalone], "
            "or name a relay with DISPATCHER_SMTP_URL"
        ) from error
    opened = installed.Inbox(folder, http_port=http_port)
    opened.start()
    try:
        yield opened
    finally:
        opened.stop()


def worker(name: str, places: Endpoints, changed: Mapping[str, str]) -> Command:
    """Return the command of one worker process.

    Args:
        name: What it is called, in log lines and among Celery's nodes.
        places: Its broker and store.
        changed: Settings that differ from this process's.
    """
    return Command(
        name,
        argv=(sys.executable, "-m", "dispatcher.worker", name),
        environment=environment_with(
            broker_url=places.broker_url, store_url=places.store_url, **changed
        ),
    )


def web(name: str, places: Endpoints, changed: Mapping[str, str]) -> Command:
    """Return the command of one process of the HTTP side.

    Args:
        name: What it is called, in log lines.
        places: Its broker and store.
        changed: Settings that differ from this process's.
    """
    return replace(
        worker(name, places, changed), argv=(sys.executable, "-m", "dispatcher.web", SHARED)
    )


@contextmanager
def web_places(settings: Settings, *, or_any: bool = False) -> Iterator[Mapping[str, str]]:
    """Hold where the HTTP side listens, so that its processes can: yield that as settings.

    Args:
        settings: The settings.
        or_any: Take any free port where the usual one is taken and nobody set one.

    Raises:
        ConfigError: Something else listens there.
    """
    with ExitStack() as stack:
        places = {}
        for name, text in (("http_bind", settings.http_bind), ("grpc_bind", settings.grpc_bind)):
            movable = or_any and name not in settings.model_fields_set
            try:
                places[name] = str(stack.enter_context(_held(Address.parse(text), movable=movable)))
            except ConfigError as error:
                raise ConfigError(f"DISPATCHER_{name.upper()}: {error}") from error
        yield places


@contextmanager
def _held(address: Address, *, movable: bool) -> Iterator[Address]:
    with ExitStack() as stack:
        try:
            place = stack.enter_context(held(address))
        except ConfigError:
            if not movable:
                raise
            place = stack.enter_context(held(replace(address, port=0)))
        yield place


def supervise(
    settings: Settings,
    places: Endpoints,
    changed: Mapping[str, str],
    *,
    processes: int = 0,
    web_processes: int = 0,
) -> ExitCode:
    """Run worker processes, or such of the HTTP side, until a signal; return how it ended.

    Args:
        settings: The settings.
        places: Broker and store.
        changed: Settings of the processes that differ from this one's.
        processes: How many workers.
        web_processes: How many of the HTTP side.
    """
    # A child sees a pipe, but behind it a person reads.
    readable = settings.log_format == "auto" and sys.stderr.isatty()
    seen = {**changed, "log_format": "text"} if readable else changed
    code = Supervisor(
        [
            *(worker(f"worker{number}", places, seen) for number in range(1, processes + 1)),
            *(web(f"api{number}", places, seen) for number in range(1, web_processes + 1)),
        ],
        grace=settings.stop_grace + _MARGIN,
        on_line=output.passed_on,
    ).run()
    if code == EXIT_CONFIG:
        return ExitCode.USAGE
    return ExitCode.OK if code == 0 else ExitCode.NO


def _needs_embedded(settings: Settings) -> bool:
    return settings.broker_url is None or (settings.uses_rabbitmq and settings.store_url is None)
