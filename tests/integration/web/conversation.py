"""A conversation with the HTTP server: by a client that knows HTTP, or word by word."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from dispatcher.policy import Manner
from dispatcher.web.app import Desks
from tests.contract.policy_api.clients import served
from tests.contract.policy_api.installation import Installation

POLICY = "/management/v1/policies/notification"
OWNER = {"authorization": "Bearer owner"}
HEAD = f"PUT {POLICY} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer owner\r\n".encode()

Story = Callable[[httpx.AsyncClient, int], Awaitable[None]]


def play(story: Story, desks: Desks | None = None, *, manner: Manner = Manner.SETTING) -> None:
    """Play a story in front of a server of its own; it gets a client and the port."""

    async def played() -> None:
        async with (
            served(desks or Installation(manner).desks()) as url,
            httpx.AsyncClient(base_url=url, trust_env=False) as http,
        ):
            await story(http, httpx.URL(url).port or 0)

    asyncio.run(played())


async def say(port: int, *words: bytes) -> bytes:
    """Say these, and return everything that is answered until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for word in words:
            writer.write(word)
            await writer.drain()
        return await reader.read()
    finally:
        writer.close()
