"""Waiting for a store that does not do its work: nothing is lost, it goes on by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from dispatcher.errors import DispatcherError
from dispatcher.ports import Observer

_T = TypeVar("_T")

_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 5.0


async def insist(call: Callable[[], Awaitable[_T]], observer: Observer) -> _T:
    """Return the call's result, repeating it for as long as the store does not do its work.

    What cannot be recorded must not be decided, so there is no last try; a worker
    that stops cancels the wait. What nobody foresaw, such as a process without file
    descriptors, is waited out, too: giving up would lose the event.

    Args:
        call: Starts the call anew each time.
        observer: Is told of every wait.

    Raises:
        DispatcherError: The call's own, where trying again cannot help.
    """
    wait = _FIRST_WAIT
    while True:
        try:
            return await call()
        except Exception as error:
            if isinstance(error, DispatcherError) and not error.retryable:
                raise
            observer.waiting("store", error)
        await asyncio.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT)


async def pause(stopping: asyncio.Event, seconds: float) -> bool:
    """Wait; return early, and True, where *stopping* is set."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return False
    return True
