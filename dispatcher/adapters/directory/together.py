"""What is wanted at the same time is asked for in one question."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

_V = TypeVar("_V")

_MOST_QUESTIONS: Final = 4


class Together(Generic[_V]):
    """Gathers ids while as many questions as may be are under way.

    Args:
        ask: Returns what is known of some ids; what is not known is missing.
        most: How many ids go into one question.
    """

    def __init__(
        self, ask: Callable[[Sequence[str]], Awaitable[Mapping[str, _V]]], *, most: int
    ) -> None:
        self._ask = ask
        self._most = most
        self._wanted: dict[str, asyncio.Future[_V | None]] = {}
        self._questions: set[asyncio.Task[None]] = set()

    async def find(self, wanted_id: str) -> _V | None:
        """Return what is known of an id, or None; raises what asking raised."""
        future = self._wanted.get(wanted_id)
        if future is None:
            future = self._wanted[wanted_id] = asyncio.get_running_loop().create_future()
            if len(self._questions) < _MOST_QUESTIONS:
                question = asyncio.create_task(self._question())
                self._questions.add(question)
                question.add_done_callback(self._questions.discard)
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Ask nothing any more."""
        questions = tuple(self._questions)
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)

    async def _question(self) -> None:
        await asyncio.sleep(0)  # what else is wanted in this round of the loop
        while self._wanted:
            ids = list(self._wanted)[: self._most]
            await self._settle({each: self._wanted.pop(each) for each in ids})

    async def _settle(self, wanted: Mapping[str, "asyncio.Future[_V | None]"]) -> None:
        try:
            found = await self._ask(list(wanted))
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            for future in wanted.values():
                if not future.cancelled():
                    future.set_exception(error)
                    future.exception()  # whoever asked may be gone
        except BaseException:
            for future in wanted.values():
                future.cancel()
            raise
        else:
            for wanted_id, future in wanted.items():
                if not future.cancelled():
                    future.set_result(found.get(wanted_id))
