"""One server process, our child or left over from a dead parent."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Final

from dispatcher.adapters.standalone.file_lock import FileLock, is_locked
from dispatcher.adapters.standalone.valkey_socket import ask, facts, is_ready
from dispatcher.errors import ConfigError, StoreUnavailable

_POLL: Final = 0.02
_LOG_LIMIT: Final = 4 * 1024 * 1024
_CANNOT_LOAD: Final = (
    "Bad file format reading the append only file",
    "Can't handle RDB format version",
    "Fatal error loading",
    "Internal error in RDB reading",
    "Unexpected end of file reading the append only file",
)
"""What Valkey and Redis log before they exit because of their own files (aof.c, rdb.c)."""


class ServerProcess:
    """Who holds the server's lock.

    The lock says whether it lives, also when it is not our child: only the server
    holds it, and the kernel drops it in the moment of its death.

    Args:
        lock: The lock file.
        socket: Where the server listens.
        log: Where its output goes.
    """

    def __init__(self, lock: Path, socket: Path, log: Path) -> None:
        self.folder = lock.parent
        self._lock = FileLock(lock)
        self._socket = socket
        self._log = log
        self._log_start = 0
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether the process exists."""
        if self._child is not None and self._child.poll() is None:
            return True
        return is_locked(self._lock.path)

    @property
    def pid(self) -> int | None:
        """Its process id; None when it is not alive, or unknown."""
        if not self.alive:
            return None
        try:
            return int(self._lock.path.read_text() or facts(self._socket, "server")["process_id"])
        except (StoreUnavailable, OSError, KeyError, ValueError):
            return None

    def claim(self) -> bool:
        """Take the lock, and return whether it was free: no server lives."""
        if not self._lock.acquire():
            return False
        os.truncate(self._lock.descriptor, 0)
        return True

    def let_go(self) -> None:
        """Give up our hold on the lock; a spawned server keeps its own."""
        self._lock.release()

    def spawn(self, binary: Path, config: Path) -> None:
        """Start the server with the claimed lock.

        Raises:
            ConfigError: The program cannot be run.
        """
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        with open(self._log, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as log:
            try:
                # A session of its own: Ctrl-C reaches us first, and we stop it last.
                self._child = subprocess.Popen(  # noqa: S603 - the program that find_binary chose
                    [binary, config],
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    umask=0o077,
                    start_new_session=True,
                    pass_fds=[self._lock.descriptor],
                )
            except OSError as error:
                raise ConfigError(f"cannot run {binary}: {error.strerror}") from error
        # Into the lock file, which outlives us: a hung server cannot tell its id.
        os.pwrite(self._lock.descriptor, str(self._child.pid).encode(), 0)

    def wait_until_ready(self, *, within: float, unless: threading.Event) -> None:
        """Return when the server has loaded its files and serves.

        Args:
            within: Seconds it may take.
            unless: Once set, waiting ends at once.

        Raises:
            ConfigError: It ended instead, for a reason that a new start does not mend.
            StoreUnavailable: It ended instead, does not answer in time, or we shall stop.
        """
        deadline = time.monotonic() + within
        while not is_ready(self._socket):
            if not self.alive:
                raise self._why_it_ended()
            if time.monotonic() > deadline or unless.is_set():
                raise StoreUnavailable(
                    f"the Valkey in {self.folder} does not answer; see {self._log}"
                )
            time.sleep(_POLL)

    def end(self, *, within: float) -> None:
        """End the server: SHUTDOWN, which syncs the append-only file; SIGTERM; SIGKILL last.

        Args:
            within: Seconds for each of the first two.
        """
        pid = self.pid
        # A server that obeys closes the connection instead of answering.
        with contextlib.suppress(StoreUnavailable):
            ask(self._socket, "SHUTDOWN", within=within)
        for last_word in (signal.SIGTERM, signal.SIGKILL, None):
            if self._gone(within) or pid is None or last_word is None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, last_word)
        self._child = None

    def _gone(self, within: float) -> bool:
        deadline = time.monotonic() + within
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        return True

    def _why_it_ended(self) -> ConfigError | StoreUnavailable:
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read(_LOG_LIMIT).decode(errors="replace").splitlines()
        for line in lines:
            if any(sign in line for sign in _CANNOT_LOAD):
                return ConfigError(
                    f"the server cannot load the files in {self.folder}; all is left as it was:"
                    f" {line.strip()!r}. Copy that folder first; then repair it with"
                    " valkey-check-aof --fix, or start the version that wrote it"
                )
        last = lines[-1].strip() if lines else "it wrote nothing"
        return StoreUnavailable(f"the server in {self.folder} ended: {last!r}")
