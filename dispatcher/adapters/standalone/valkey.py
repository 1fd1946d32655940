"""An embedded Valkey: started, found again, kept alive and stopped by us.

Two locks tell who is who. The *server's* lock is inherited by the server and
held exactly as long as it lives, so that two never share one append-only file.
The *owner's* lock is held by the process that may stop it; when that one dies,
the server lives on, and the next to start, or a guest that watches, takes it over.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

from dispatcher.adapters.standalone.file_lock import FileLock, is_locked
from dispatcher.adapters.standalone.private_folder import find_socket, make_private, socket_path
from dispatcher.adapters.standalone.restart_delay import RestartDelay
from dispatcher.adapters.standalone.valkey_binary import find_binary
from dispatcher.adapters.standalone.valkey_config import default_maxmemory, write_config
from dispatcher.adapters.standalone.valkey_server import ServerProcess
from dispatcher.adapters.standalone.valkey_socket import is_ready
from dispatcher.errors import ConfigError, DispatcherError, StoreUnavailable

SOCKET: Final = "valkey.sock"
CONFIG: Final = "valkey.conf"
LOG: Final = "valkey.log"
OWNER_LOCK: Final = "owner.lock"
SERVER_LOCK: Final = "server.lock"

_POLL: Final = 0.02
"""Seconds between two looks at a server that is starting or ending."""

_WATCH: Final = 0.1
"""Seconds between two looks at a server that serves."""


class EmbeddedValkey:
    """The Valkey server of one data folder.

    Args:
        folder: Its data; made private (0700) and kept across restarts.
        maxmemory: Bytes it may hold; half of the machine's memory by default.
        ready_within: Seconds it may take to load its files.
        search_path: Where to look for a server instead of ``PATH``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        maxmemory: int | None = None,
        ready_within: float = 120.0,
        search_path: str | None = None,
    ) -> None:
        self._given = folder
        self._maxmemory = maxmemory
        self._ready_within = ready_within
        self._search_path = search_path
        self._owner: FileLock | None = None
        self._server: ServerProcess | None = None
        self._socket: Path | None = None
        self._watching: threading.Thread | None = None
        self._stopping = threading.Event()
        self.failure: DispatcherError | None = None
        """Why the watch gave up; None while all is well."""

    @property
    def socket(self) -> Path:
        """The server's unix socket.

        Raises:
            StoreUnavailable: It has not been started.
        """
        if self._socket is None:
            raise StoreUnavailable("the embedded Valkey has not been started")
        return self._socket

    @property
    def url(self) -> str:
        """Its URL for Celery and kombu: ``redis+socket:///…?virtual_host=0``."""
        return broker_url(self.socket)

    @property
    def redis_url(self) -> str:
        """Its URL for redis-py: ``unix:///…?db=0``."""
        return f"unix://{quote(str(self.socket))}?db=0"

    @property
    def pid(self) -> int | None:
        """The server's process id as it says itself, or None when it does not answer."""
        return self._server.pid if self._server else None

    @property
    def owned(self) -> bool:
        """Whether stopping it is up to us."""
        return self._owner is not None and self._owner.held

    def start(self, *, wait_to_own: float = 0.0) -> bool:
        """Start the server, or use the one that lives; return whether we own it.

        Args:
            wait_to_own: Seconds to wait for the present owner to end before being its guest.

        Raises:
            ConfigError: There is no server program, the folder cannot be used, or
                the append-only file is damaged.
            StoreUnavailable: A server holds the folder but does not answer.
        """
        folder = make_private(self._given)
        self._socket = socket_path(folder, SOCKET)
        if self._server is None:
            self._server = ServerProcess(folder / SERVER_LOCK, self._socket, folder / LOG)
        self._owner = self._owner or FileLock(folder / OWNER_LOCK)
        self._stopping.clear()
        asked = time.monotonic()
        while not self._owner.acquire():
            waited = time.monotonic() - asked
            if waited >= wait_to_own and is_ready(self._socket):
                return False
            if waited > wait_to_own + self._ready_within:
                raise StoreUnavailable(f"the owned Valkey in {folder} does not answer")
            time.sleep(_POLL)
        try:
            self._bring_up(self._server)
        except (DispatcherError, OSError):
            self._owner.release()
            raise
        return True

    def watch(self, report: Callable[[str], None]) -> None:
        """Start the server again whenever it dies, until :meth:`stop`.

        A guest leaves that to the owner, and becomes the owner when that one has ended.

        Args:
            report: Is told in one line what happened, from another thread.

        Raises:
            StoreUnavailable: It has not been started.
        """
        if self._owner is None or self._server is None:
            raise StoreUnavailable("the embedded Valkey has not been started")
        if self._watching is None:
            self._watching = threading.Thread(
                target=self._keep_alive,
                args=(self._owner, self._server, report),
                name="valkey-watch",
                daemon=True,
            )
            self._watching.start()

    def stop(self, *, within: float = 20.0) -> None:
        """End the server in order if it is ours: SHUTDOWN, then SIGTERM, SIGKILL last.

        Args:
            within: Seconds for each of the first two.
        """
        self._stopping.set()
        if self._watching is not None:
            self._watching.join()
            self._watching = None
        if self._owner is not None and self._owner.held:
            if self._server is not None:
                self._server.end(within=within)
            self._owner.release()

    def _bring_up(self, server: ServerProcess) -> None:
        deadline = time.monotonic() + self._ready_within
        while not server.claim():
            if is_ready(self.socket):
                return
            if time.monotonic() > deadline or self._stopping.is_set():
                raise StoreUnavailable(f"a server holds {server.folder}, but it does not answer")
            time.sleep(_POLL)
        maxmemory = self._maxmemory if self._maxmemory is not None else default_maxmemory()
        config = server.folder / CONFIG
        try:
            write_config(config, folder=server.folder, socket=self.socket, maxmemory=maxmemory)
            server.spawn(find_binary(self._search_path), config)
        finally:
            server.let_go()
        server.wait_until_ready(within=self._ready_within, unless=self._stopping)

    def _keep_alive(
        self, owner: FileLock, server: ServerProcess, report: Callable[[str], None]
    ) -> None:
        delay = RestartDelay()
        born = time.monotonic()
        while not self._stopping.wait(_WATCH):
            was_guest = not owner.held
            if not owner.acquire() or server.alive:
                continue
            if was_guest:
                report("The process that ran Valkey has ended; this one goes on with it")
            else:
                pause = delay.after(time.monotonic() - born)
                report(f"Valkey ended unexpectedly; starting it again in {pause:.1f} s")
                if self._stopping.wait(pause):
                    return
            born = time.monotonic()
            try:
                self._bring_up(server)
            except ConfigError as error:
                self.failure = error
                report(f"Valkey cannot be started again: {error}")
                return
            except (StoreUnavailable, OSError) as error:
                report(f"Valkey did not come back: {error}")
            else:
                report("Valkey serves again")


def broker_url(socket: Path) -> str:
    """Return the URL of a unix socket as Celery and kombu want it."""
    return f"redis+socket://{quote(str(socket))}?virtual_host=0"


def is_running(folder: Path) -> bool:
    """Return whether a server serves the data of ``folder``."""
    return folder.is_dir() and is_ready(find_socket(folder, SOCKET))


def attach(folder: Path, *, within: float = 5.0) -> str:
    """Return the broker URL of the server that serves ``folder``, started by someone else.

    Args:
        folder: Its data folder.
        within: Seconds to wait for one that is just starting.

    Raises:
        StoreUnavailable: There is none.
        ConfigError: Its socket lies where others could have put it.
    """
    deadline = time.monotonic() + within
    while not is_running(folder):
        coming = is_locked(folder / OWNER_LOCK) or is_locked(folder / SERVER_LOCK)
        if not coming or time.monotonic() > deadline:
            raise StoreUnavailable(
                f"no Valkey runs in {folder}: start one with `dispatcher up`,"
                " or set DISPATCHER_BROKER_URL"
            )
        time.sleep(_POLL)
    return broker_url(find_socket(folder, SOCKET))
