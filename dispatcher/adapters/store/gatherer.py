"""Calls that travel together: what concurrent tasks ask within one tick leaves as one call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from typing import Generic, NamedTuple, TypeVar

_Q = TypeVar("_Q")
_A = TypeVar("_A")


class _Waiter(NamedTuple, Generic[_Q, _A]):
    question: _Q
    answer: "asyncio.Future[_A]"
    orphaned: Callable[[_A], None] | None
    in_order: bool


class Gatherer(Generic[_Q, _A]):
    """Gathers questions into batches and hands each its answer.

    A batch leaves when the tick that began it ends, or when an earlier batch is
    back: under load batches grow by themselves. Of two batches on their way the
    later may be answered first.

    A question that was asked is sent, even if nobody waits for the answer any more.

    Args:
        call: Answers a batch: one answer per question in its order; an exception
            in place of an answer is raised to the one who asked.
        most: The most questions in one batch.
        depth: The most batches on their way at once.
    """

    def __init__(
        self,
        call: Callable[[Sequence[_Q]], Awaitable[Sequence[_A | Exception]]],
        *,
        most: int = 256,
        depth: int = 2,
    ) -> None:
        self._call = call
        self._most = most
        self._depth = depth
        self._waiting: list[_Waiter[_Q, _A]] = []
        self._on_their_way: set[asyncio.Task[None]] = set()
        self._leaves_soon = False
        self._ordered = 0

    def ask(
        self,
        question: _Q,
        *,
        orphaned: Callable[[_A], None] | None = None,
        in_order: bool = False,
    ) -> "asyncio.Future[_A]":
        """Return the future answer.

        Args:
            question: What to ask.
            orphaned: Gets the answer when the one who asked was cancelled meanwhile.
            in_order: Do not answer before what was asked earlier.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_A] = loop.create_future()
        self._waiting.append(_Waiter(question, answer, orphaned, in_order))
        self._ordered += in_order
        if not self._leaves_soon and self._has_room():
            self._leaves_soon = True
            loop.call_soon(self._leave)
        return answer

    async def drain(self) -> None:
        """Wait until every question that was asked has its answer."""
        while self._waiting or self._on_their_way:
            if self._on_their_way:
                await asyncio.wait(self._on_their_way)
            else:
                await asyncio.sleep(0)

    def _leave(self) -> None:
        self._leaves_soon = False
        while self._waiting and self._has_room():
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._ordered -= sum(waiter.in_order for waiter in batch)
            task = asyncio.get_running_loop().create_task(self._carry(batch))
            self._on_their_way.add(task)
            task.add_done_callback(self._arrived)

    def _has_room(self) -> bool:
        return len(self._on_their_way) < (1 if self._ordered else self._depth)

    def _arrived(self, task: "asyncio.Task[None]") -> None:
        self._on_their_way.discard(task)
        self._leave()

    async def _carry(self, batch: Sequence[_Waiter[_Q, _A]]) -> None:
        try:
            answers = await self._call([waiter.question for waiter in batch])
            for waiter, answer in zip(batch, answers, strict=True):
                _hand_over(waiter, answer)
        except Exception as error:  # noqa: BLE001 - raised to everyone who waits
            for waiter in batch:
                _hand_over(waiter, _twin(error))
        finally:
            for waiter in batch:
                waiter.answer.cancel()


def _hand_over(waiter: _Waiter[_Q, _A], answer: _A | Exception) -> None:
    _, future, orphaned, _ = waiter
    if isinstance(answer, Exception):
        if not future.done():
            future.set_exception(answer)
    elif not future.done():
        future.set_result(answer)
    elif future.cancelled() and orphaned is not None:
        orphaned(answer)


def _twin(error: Exception) -> Exception:
    """Return a copy: one exception raised in many tasks would grow one endless traceback."""
    twin = copy(error)
    twin.__cause__ = error
    return twin
