"""Work that goes on beside other work, and really ends with it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

_AGAIN: Final = 0.2


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Do work for as long as the context is open; what it raises is raised when that ends.

    Args:
        work: Goes on until it is cancelled.
        name: What it is called.
    """
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        await end(task)


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until each has ended, and raise what one raised.

    More than once: a client that is just connecting may take a cancellation for a failure of its
    own and go on, as redis-py does, and who waits for such a task waits for ever.
    """
    ending = set(tasks)
    while ending := {task for task in ending if not task.done()}:
        for task in ending:
            task.cancel()
        await asyncio.wait(ending, timeout=_AGAIN)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()):
            raise error
