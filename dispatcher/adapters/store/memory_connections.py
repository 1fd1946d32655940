"""Connections in memory: for tests and trials."""

from collections.abc import Callable, Iterable, Sequence

from dispatcher.connection import Connection


class MemoryConnectionStore:
    """Keeps connections as long as the process lives.

    Args:
        connections: Those that there are from the beginning.
    """

    def __init__(self, connections: Iterable[Connection] = ()) -> None:
        self._connections = {connection.name: connection for connection in connections}

    async def find(self, name: str) -> Connection | None:
        """Return the connection of that name, or None."""
        return self._connections.get(name)

    async def names(self) -> Sequence[str]:
        """Return the names of all connections, in order."""
        return sorted(self._connections)

    async def alter(
        self, name: str, change: Callable[[Connection | None], Connection]
    ) -> Connection:
        """Put what *change* makes of the connection, or of none, in its place; return that."""
        changed = self._connections[name] = change(self._connections.get(name))
        return changed

    async def remove(self, name: str) -> bool:
        """Remove the connection; False where there is none."""
        return self._connections.pop(name, None) is not None

    async def reseal(self, name: str) -> bool:
        """Return False: nothing is encrypted here."""
        del name
        return False
