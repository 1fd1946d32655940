"""What one process tells on behalf of all of this machine, and of the installation."""

import asyncio
from collections.abc import Awaitable, Sequence
from time import monotonic
from typing import Final, TypeVar

from dispatcher.adapters.monitoring import verdict
from dispatcher.adapters.monitoring.crew import Crew
from dispatcher.adapters.monitoring.plain_http import Reply
from dispatcher.adapters.monitoring.vitals import Vitals
from dispatcher.adapters.observers.exposition import exposition, media_type, merged
from dispatcher.adapters.observers.gauges import StoreFigures, store_gauges
from dispatcher.adapters.store.soundings import Soundings
from dispatcher.errors import StoreUnavailable
from dispatcher.monitor.member import Member
from dispatcher.ports import Clock
from dispatcher.tokens import Tokens

_T = TypeVar("_T")

_STORE_TIME: Final = 1.0
"""Seconds that store and broker may take, while a scraper waits for the rest."""

_TOKENS_AGE: Final = 60.0
"""Seconds that the tokens' ends are remembered: to find them, every token is read."""


class Bulletin:
    """Asks all processes that have a socket in the folder, and the store once.

    Args:
        member: This process.
        crew: Asks all others.
        soundings: Knows how the installation is doing.
        tokens: Know when they end.
        clock: Tells the time.
    """

    def __init__(
        self, member: Member, crew: Crew, soundings: Soundings, tokens: Tokens, clock: Clock
    ) -> None:
        self._member = member
        self._crew = crew
        self._soundings = soundings
        self._tokens = tokens
        self._clock = clock
        self._ends_read_at = -_TOKENS_AGE
        self._end: float | None = None

    async def metrics(self, accept: str = "") -> Reply:
        """Answer all figures."""
        figures, store = await asyncio.gather(self._figures(accept), self._store())
        whole = exposition(store_gauges(store), accept)
        return Reply(merged([*figures, whole]), media_type(accept))

    async def alive(self, _accept: str = "") -> Reply:
        """Answer whether every process's loop turns."""
        return verdict.alive(await self._vitals()).reply()

    async def ready(self, _accept: str = "") -> Reply:
        """Answer whether every worker consumes."""
        return verdict.ready(await self._vitals(), verdict.WORKERS).reply()

    async def is_told(self) -> bool:
        """Tell whether one of the processes answers at the common address already."""
        return any(each.answers_at for each in await self._vitals())

    async def _figures(self, accept: str) -> Sequence[bytes]:
        return [self._member.figures(accept), *await self._crew.figures(accept)]

    async def _vitals(self) -> Sequence[Vitals]:
        vitals = [self._member.vitals(), *await self._crew.vitals()]
        return sorted(vitals, key=lambda each: each.process)

    async def _store(self) -> StoreFigures | None:
        sounding, end, waiting = await asyncio.gather(
            _in_time(self._soundings.take()),
            _in_time(self._token_end()),
            _in_time(self._backlog()),
        )
        if sounding is None:
            return None
        return StoreFigures(
            accepted=sounding.accepted,
            unfinished=sounding.unfinished,
            oldest_due=sounding.oldest_due,
            dead_letters=sounding.dead_letters,
            uncertain=sounding.uncertain,
            token_ends=end,
            backlog=waiting,
        )

    async def _backlog(self) -> dict[str, int] | None:
        ask = self._member.part.backlog
        return None if ask is None else dict(await asyncio.to_thread(ask))

    async def _token_end(self) -> float | None:
        """Return the seconds until the next token ends."""
        now = self._clock.now()
        if self._member.part.tells_tokens and monotonic() - self._ends_read_at > _TOKENS_AGE:
            tokens = [token for token in await self._tokens.list() if token.is_valid(now)]
            ends = [token.expires_at.timestamp() for token in tokens if token.expires_at]
            self._end, self._ends_read_at = min(ends, default=None), monotonic()
        return None if self._end is None else max(self._end - now.timestamp(), 0.0)


async def _in_time(answer: Awaitable[_T]) -> _T | None:
    """Return the answer, or None where it does not come in time."""
    try:
        async with asyncio.timeout(_STORE_TIME):
            return await answer
    except (StoreUnavailable, TimeoutError):
        return None
