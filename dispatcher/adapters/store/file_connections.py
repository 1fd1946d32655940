"""Connections of a settings file before those of the store: the file wins, and is read-only."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

from dispatcher.adapters.store.connections_file import Contents, read
from dispatcher.connection import Connection
from dispatcher.errors import ConfigError, InvalidConnection
from dispatcher.ports import ConnectionStore

_BETWEEN_LOOKS: Final = 1.0


class FileConnectionStore:
    """Finds a connection in the file first; reads that anew, and its secrets, when it changes.

    Args:
        path: The file; a first reading that fails is raised, a later one told.
        beneath: The store whose connections there are besides.
        mistakes: Returns what is wrong with a connection.
        tell: Is told when the changed file cannot be used: what it said before goes on counting.
        seconds: Tells how much time passes.
    """

    def __init__(
        self,
        path: Path,
        beneath: ConnectionStore,
        mistakes: Callable[[Connection], Sequence[str]],
        tell: Callable[[ConfigError], None],
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._path = path
        self._beneath = beneath
        self._mistakes = mistakes
        self._tell = tell
        self._seconds = seconds
        self._latest = Contents({})
        self._known: Mapping[str, Connection] | None = None
        self._next_look = 0.0

    async def find(self, name: str) -> Connection | None:
        """Return the connection of that name, or None.

        Raises:
            ConfigError: The file cannot be used, and never could; the text names every mistake.
        """
        return self._look().get(name) or await self._beneath.find(name)

    async def names(self) -> Sequence[str]:
        """Return the names of all connections, in order."""
        return sorted({*self._look(), *await self._beneath.names()})

    async def alter(
        self, name: str, change: Callable[[Connection | None], Connection]
    ) -> Connection:
        """Put what *change* makes of the connection, or of none, in its place; return that.

        Raises:
            InvalidConnection: It is of the file.
        """
        self._require_free(name)
        return await self._beneath.alter(name, change)

    async def remove(self, name: str) -> bool:
        """Remove the connection, even an unreadable one; False where there is none.

        Raises:
            InvalidConnection: It is of the file.
        """
        self._require_free(name)
        return await self._beneath.remove(name)

    async def reseal(self, name: str) -> bool:
        """Encrypt the connection's secrets with the newest key, where the store keeps them."""
        return await self._beneath.reseal(name)

    def _look(self) -> Mapping[str, Connection]:
        """Return the file's connections; whether it changed is seen once a second at most."""
        now = self._seconds()
        if self._known is not None and now < self._next_look:
            return self._known
        self._next_look = now + _BETWEEN_LOOKS
        if self._known is None or not self._latest.is_current():
            self._latest = read(self._path, self._mistakes)
            self._known = self._usable(self._latest)
        return self._known

    def _usable(self, contents: Contents) -> Mapping[str, Connection]:
        try:
            return contents.require()
        except ConfigError as error:
            if self._known is None:
                raise
            self._tell(error)
            return self._known

    def _require_free(self, name: str) -> None:
        if name in self._look():
            raise InvalidConnection(f"{name} is of DISPATCHER_CONNECTIONS_FILE: change it there")
