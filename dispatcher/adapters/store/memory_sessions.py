"""Sessions of the console in memory: for tests and trials."""

from datetime import datetime, timedelta

from dispatcher.ports import Clock


class MemorySessions:
    """Keeps sessions as long as the process lives.

    Args:
        clock: Tells when they end.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[bytes, datetime]] = {}

    async def read(self, name: str) -> bytes | None:
        """Return what is kept under a name; None where nothing is."""
        sealed, ends = self._kept.get(name, (None, None))
        return sealed if ends and self._clock.now() < ends else None

    async def write(self, name: str, sealed: bytes, seconds: int) -> None:
        """Keep bytes under a name for some seconds."""
        self._kept[name] = sealed, self._clock.now() + timedelta(seconds=seconds)

    async def remove(self, name: str) -> None:
        """Keep nothing under a name any more."""
        self._kept.pop(name, None)
