"""The sink alone: ``python -m tests.bench.flood PORT MESSAGES BYTES`` prints its messages/s.

A client that does nothing but fill the pipe (RFC 2920), so that what is measured is the sink.
"""

import asyncio
import sys
from time import perf_counter

import uvloop

_CONNECTIONS = 16
_ENVELOPE = b"MAIL FROM:<a@bench.example>\r\nRCPT TO:<b@bench.example>\r\nDATA\r\n"


async def _submit(port: int, messages: int, content: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    writer.write(b"EHLO flood\r\n")
    while not (await reader.readline()).startswith(b"250 "):
        pass
    writer.write(_ENVELOPE)
    for left in range(messages - 1, -1, -1):
        await reader.readuntil(b"354 go on\r\n")
        writer.write(content + _ENVELOPE if left else content)
    await reader.readline()
    writer.close()


async def _flood(port: int, messages: int, size: int) -> float:
    content = b"Subject: flood\r\n\r\n" + b"x" * size + b"\r\n.\r\n"
    started = perf_counter()
    each = messages // _CONNECTIONS
    await asyncio.gather(*[_submit(port, each, content) for _ in range(_CONNECTIONS)])
    return each * _CONNECTIONS / (perf_counter() - started)


if __name__ == "__main__":
    print(uvloop.run(_flood(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
