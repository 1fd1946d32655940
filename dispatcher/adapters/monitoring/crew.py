"""All processes of one data folder: asked over their sockets, and told of as one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Final

from dispatcher.adapters.monitoring.plain_http import Reply, fetch
from dispatcher.adapters.monitoring.vitals import Role, Vitals

VITALS: Final = "/vitals"
FIGURES: Final = "/figures"

_FIGURES_TIME: Final = 3.0
_VITALS_TIME: Final = 1.0

STUCK: Final = 10.0
"""Seconds of silence after which a process counts as dead: a loop that is busy is not."""


class Crew:
    """Asks every process that has a socket.

    A process that died leaves a socket behind that nobody listens on: it is not counted.

    Args:
        sockets: Returns where processes listen.
        within: Seconds that each has to say how it is.
        stuck: Seconds of silence after which it counts as dead.
        now: Returns seconds of a clock that never goes back.
    """

    def __init__(
        self,
        sockets: Callable[[], Sequence[Path]],
        *,
        within: float = _VITALS_TIME,
        stuck: float = STUCK,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._sockets = sockets
        self._within, self._stuck = within, stuck
        self._now = now
        self._silent_since: dict[Path, float] = {}

    async def vitals(self) -> Sequence[Vitals]:
        """Return how each living process is, by name."""
        told = await self._ask(lambda socket: fetch(socket, VITALS, within=self._within))
        known = {path: self._silent_since[path] for path in told if path in self._silent_since}
        self._silent_since = known
        vitals = [self._read(path, reply) for path, reply in told.items()]
        return sorted(vitals, key=lambda each: each.process)

    async def figures(self, accept: str) -> Sequence[bytes]:
        """Return each living process's metrics as text; one that is stuck has none to show."""
        told = await self._ask(
            lambda socket: fetch(socket, FIGURES, accept=accept, within=_FIGURES_TIME)
        )
        return [reply.body for reply in told.values() if reply and reply.status == HTTPStatus.OK]

    async def _ask(self, ask: Callable[[Path], Awaitable[Reply]]) -> dict[Path, Reply | None]:
        """Return who listens, and what it answered: None where it did not in time."""
        sockets = self._sockets()
        replies = await asyncio.gather(*map(ask, sockets), return_exceptions=True)
        told: dict[Path, Reply | None] = {}
        for socket, reply in zip(sockets, replies, strict=True):
            if isinstance(reply, Reply):
                told[socket] = reply
            elif isinstance(reply, TimeoutError):
                told[socket] = None
            elif not isinstance(reply, OSError):  # of those who are gone nothing is told
                raise reply
        return told

    def _read(self, socket: Path, reply: Reply | None) -> Vitals:
        if reply is not None:
            self._silent_since.pop(socket, None)
            try:
                return Vitals.from_json(reply.body)
            except ValueError:
                return Vitals(socket.stem, Role.CHILD, 0)  # of another version; it is alive
        since = self._silent_since.setdefault(socket, self._now())
        silence = self._now() - since
        return Vitals(
            socket.stem,
            Role.WORKER,
            0,
            alive=silence < self._stuck,
            ready=False,
            reason=f"its event loop has not answered for {silence + self._within:.0f} s",
        )
