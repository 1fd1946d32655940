"""The loop's thread: started once per process, usable from any thread, gone with its contexts."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from dispatcher.adapters.broker.loop import LoopThread, Strands


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    thread.start()
    yield thread
    thread.stop()


async def add(left: int, right: int) -> int:
    await asyncio.sleep(0)
    return left + right


async def fail() -> None:
    await asyncio.sleep(0)
    raise KeyError("as asked")


def test_any_thread_may_wait_for_a_coroutine(thread: LoopThread) -> None:
    assert thread.run(add(1, 2)) == 3
    with pytest.raises(KeyError):
        thread.run(fail())


def test_strands_wait_side_by_side_on_the_one_thread(thread: LoopThread) -> None:
    together, over = asyncio.Barrier(50), threading.Event()
    threads: set[int] = set()
    strands = Strands()

    def call() -> None:
        thread.run(together.wait())
        threads.add(threading.get_ident())
        if thread.run(add(1, len(threads))) == 2:
            over.set()

    strands.calls.extend([call] * 50)
    thread.loop.call_soon_threadsafe(strands.start_all)
    assert over.wait(10)
    thread.loop.call_soon_threadsafe(strands.close)
    assert len(threads) == 1


def test_waiting_on_the_loop_s_own_thread_is_refused_where_it_would_stop_the_loop(
    thread: LoopThread,
) -> None:
    async def wait_for_oneself() -> None:
        thread.run(add(1, 2))

    with pytest.raises(RuntimeError, match="Only a strand"):
        thread.run(wait_for_oneself())


def test_entered_contexts_are_left_last_one_first_when_it_stops() -> None:
    left: list[str] = []

    @asynccontextmanager
    async def room(name: str) -> AsyncIterator[str]:
        yield name
        left.append(name)

    thread = LoopThread()
    thread.start()
    assert [thread.enter(room(name)) for name in ("outer", "inner")] == ["outer", "inner"]
    thread.stop()
    assert left == ["inner", "outer"]
    with pytest.raises(RuntimeError, match="not running"):
        thread.run(add(1, 2))


def test_a_context_that_cannot_be_entered_says_so(thread: LoopThread) -> None:
    async def refuse() -> None:
        raise PermissionError

    @asynccontextmanager
    async def closed() -> AsyncIterator[None]:
        await refuse()
        yield

    with pytest.raises(PermissionError):
        thread.enter(closed())


FORK = """
import os, sys
from dispatcher.adapters.broker.loop import current_loop_thread

async def answer():
    return os.getpid()

thread = current_loop_thread()
assert thread.run(answer()) == os.getpid()
child = os.fork()
if not child:
    ok = not thread.is_running and current_loop_thread().run(answer()) == os.getpid()
    current_loop_thread().stop()
    os._exit(0 if ok else 1)
assert thread.is_running
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert thread.run(answer()) == os.getpid()
"""


def test_a_forked_child_gets_a_loop_of_its_own() -> None:
    # In a process of its own: newer Pythons warn of forking with threads, which prefork does.
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK],
        env=dict(os.environ),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
