"""A relay far away: ``python -m tests.bench.proxy PORT SECONDS`` prints the port to use instead.

A process of its own, so that waiting costs nobody else a turn of the event loop. It ends with
its standard input.
"""

import asyncio
import sys

import uvloop

from tests.smtp_server.proxy import DelayingProxy


async def _serve(target: int, round_trip: float) -> None:
    async with DelayingProxy(target, round_trip) as proxy:
        print(proxy.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
