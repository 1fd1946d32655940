"""Where the processes of one data folder find each other: a socket each, in a private folder."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from dispatcher.adapters.standalone.file_lock import FileLock
from dispatcher.adapters.standalone.private_folder import find_socket, make_private, socket_path
from dispatcher.errors import ConfigError

_SOCKET: Final = ".sock"
_LOCK: Final = ".lock"
_LONGEST_NAME: Final = 40
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Seat:
    """A process's name among the others, and where its socket goes."""

    name: str
    socket: Path


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Gives out names: the same ones again after a restart, and none twice at a time.

    Args:
        folder: It is made, for its owner only, when the first process takes a seat.
    """

    folder: Path

    @contextmanager
    def seat(self, wanted: str) -> Iterator[Seat]:
        """Take a name for as long as the context is open; a second process of it gets a number.

        Raises:
            ConfigError: The folder cannot be used.
        """
        lock, socket = self._take(_UNFIT.sub("-", wanted)[:_LONGEST_NAME] or "process")
        try:
            yield Seat(socket.stem, socket)
        finally:
            with suppress(OSError):
                socket.unlink(missing_ok=True)
            lock.release()

    def _take(self, wanted: str) -> tuple[FileLock, Path]:
        folder = make_private(self.folder)
        try:
            lock = _first_free(folder, wanted)
            socket = socket_path(folder, lock.path.stem + _SOCKET)
            socket.unlink(missing_ok=True)  # left behind by one that died
        except OSError as error:
            raise ConfigError(f"cannot use the folder {folder}: {error.strerror}") from error
        return lock, socket

    def sockets(self) -> Sequence[Path]:
        """Return the sockets of all processes that took a seat, of the dead ones too."""
        try:
            names = sorted(path.name for path in self.folder.glob(f"*{_SOCKET}"))
            return [find_socket(self.folder, name) for name in names]
        except (OSError, ConfigError):
            return []


def run_folder(data_dir: Path) -> RunFolder:
    """Return where the processes of a data folder meet."""
    return RunFolder(data_dir / "run")


def _first_free(folder: Path, wanted: str) -> FileLock:
    for number in count(1):
        lock = FileLock(folder / f"{wanted}{f'-{number}' if number > 1 else ''}{_LOCK}")
        if lock.acquire():
            return lock
    raise AssertionError  # count() does not end
