"""arq with pooled aiosmtplib: ``arq …arq_aiosmtplib.Settings``; run it to publish."""

import asyncio
import sys
from typing import Any, Final

from aiosmtplib import SMTP
from arq import create_pool  # type: ignore[import-not-found] # in the alternatives' environment
from arq.connections import (  # type: ignore[import-not-found] # as above
    RedisSettings,
)

from tests.bench.peers import mail

_CONNECTIONS: Final = 16
_valkey: Final = RedisSettings(unix_socket_path=mail.VALKEY)


async def send(context: dict[str, Any], event: dict[str, Any]) -> None:
    """Mail over a connection of the pool."""
    pool: asyncio.Queue[SMTP] = context["pool"]
    relay = await pool.get()
    try:
        await relay.send_message(mail.compose(event))
    finally:
        pool.put_nowait(relay)


async def open_pool(context: dict[str, Any]) -> None:
    """Connect once for all mails."""
    pool: asyncio.Queue[SMTP] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        relay = SMTP(hostname="127.0.0.1", port=mail.PORT, use_tls=False, start_tls=False)
        await relay.connect()
        pool.put_nowait(relay)
    context["pool"] = pool


class Settings:
    """arq's settings; as many mails at once as our worker."""

    functions = (send,)
    on_startup = staticmethod(open_pool)
    redis_settings = _valkey
    max_jobs = 128
    keep_result = 0
    log_results = False


async def _publish(path: str) -> None:
    valkey = await create_pool(_valkey)
    for event in mail.events(path):
        await valkey.enqueue_job("send", event)


if __name__ == "__main__":
    asyncio.run(_publish(sys.argv[1]))
