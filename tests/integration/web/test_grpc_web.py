"""gRPC-Web on the HTTP port as browsers meet it."""

import asyncio
import base64
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import httpx
import pytest

from dispatcher.policies import Policies
from dispatcher.policy import Manner
from dispatcher.web.app import Desks
from dispatcher.web.intake import Bounds
from tests.contract.policy_api.clients import Rpc, Step
from tests.contract.policy_api.grpc_clients import WebClient, WebReply, over_web, request_of
from tests.contract.policy_api.installation import Installation
from tests.integration.web.stalled import StalledStore

OWNER = {"authorization": "Bearer owner"}
EMPTY = bytes(5)
PATIENCE = 10.0

Story = Callable[[WebClient], Awaitable[None]]


def play(story: Story, desks: Desks | None = None) -> None:
    async def played() -> None:
        async with over_web(desks or Installation(Manner.SETTING).desks()) as client:
            await asyncio.wait_for(story(client), PATIENCE)

    asyncio.run(played())


def stalled() -> tuple[StalledStore, Desks]:
    store = StalledStore()
    return store, replace(Installation(Manner.SETTING).desks(), policies=Policies(store))


def framed(message: bytes) -> bytes:
    return struct.pack(">BI", 0, len(message)) + message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 12),
        (b"\0\0", 3),
        (b"\0\0\0\0\x09abc", 3),
        (b"\x01\0\0\0\0", 12),
        (EMPTY + EMPTY, 12),
        (framed(b"\xff\xff"), 13),
        (b"\xff" * 100, 12),
    ],
)
def test_garbage_gets_a_status(body: bytes, code: int) -> None:
    async def story(client: WebClient) -> None:
        reply = WebReply.read(await client.send(Rpc.UPDATE.grpc, body, OWNER))
        assert reply.code == code
        assert reply.message is None

    play(story)


def test_text_that_is_no_base64_gets_a_status() -> None:
    async def story(client: WebClient) -> None:
        headers = OWNER | {"content-type": "application/grpc-web-text"}
        answer = await client.http.post(Rpc.GET.grpc, content=b"%%%", headers=headers)
        assert WebReply.read(base64.b64decode(answer.content)).code == 3

    play(story)


def test_a_body_that_is_too_large_gets_a_status() -> None:
    desks = replace(Installation(Manner.SETTING).desks(), bounds=Bounds(body=100))

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield bytes(50)

    async def story(client: WebClient) -> None:
        announced = WebReply.read(await client.send(Rpc.UPDATE.grpc, bytes(200), OWNER))
        headers = OWNER | {"content-type": client.kind}
        chunked = await client.http.post(Rpc.UPDATE.grpc, content=chunks(), headers=headers)
        assert announced.code == WebReply.read(chunked.content).code == 8

    play(story, desks)


def test_every_other_call_is_unimplemented() -> None:
    async def story(client: WebClient) -> None:
        path = "/zitadel.management.v1.ManagementService/GetMyOrg"
        reply = WebReply.read(await client.send(path, EMPTY, OWNER))
        assert reply.code == 12
        assert "GetMyOrg" in reply.reason

    play(story)


@pytest.mark.parametrize(
    "kind", ["", "application/json", "application/grpc", "application/grpc-web+json"]
)
def test_what_is_no_grpc_web_is_told_so_over_http(kind: str) -> None:
    async def story(client: WebClient) -> None:
        answer = await client.http.post(
            Rpc.GET.grpc, content=EMPTY, headers=OWNER | {"content-type": kind}
        )
        assert answer.status_code == 415
        assert answer.json()["code"] == 3

    play(story)


def test_another_method_than_post_is_refused() -> None:
    async def story(client: WebClient) -> None:
        answer = await client.http.get(Rpc.GET.grpc, headers=OWNER)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")

    play(story)


@pytest.mark.parametrize("kind", ["application/grpc-web", "Application/gRPC-Web+Proto; a=b"])
def test_the_content_type_may_be_spelt_as_http_allows(kind: str) -> None:
    async def story(client: WebClient) -> None:
        answer = await client.http.post(
            Rpc.HEALTHZ.grpc, content=EMPTY, headers={"content-type": kind}
        )
        assert answer.status_code == 200
        assert WebReply.read(answer.content).code == 0

    play(story)


def test_a_deadline_ends_the_call_and_what_it_waits_for() -> None:
    store, desks = stalled()

    async def story(client: WebClient) -> None:
        headers = OWNER | {"grpc-timeout": "200m"}
        reply = WebReply.read(await client.send(Rpc.GET.grpc, EMPTY, headers))
        assert reply.code == 4
        assert store.left.is_set()

    play(story, desks)


def test_a_deadline_that_makes_no_sense_is_refused() -> None:
    async def story(client: WebClient) -> None:
        headers = OWNER | {"grpc-timeout": "soon"}
        assert WebReply.read(await client.send(Rpc.GET.grpc, EMPTY, headers)).code == 3

    play(story)


def test_leaving_ends_the_call_and_what_it_waits_for() -> None:
    store, desks = stalled()

    async def story(client: WebClient) -> None:
        waiting = asyncio.create_task(client.call(Step(Rpc.GET)))
        await store.entered.wait()
        waiting.cancel()
        await store.left.wait()

    play(story, desks)


def test_a_store_that_does_not_answer_makes_the_api_unavailable() -> None:
    _, desks = stalled()

    async def story(client: WebClient) -> None:
        reply = WebReply.read(await client.send(Rpc.GET.grpc, EMPTY, OWNER))
        assert (reply.code, reply.trailers["grpc-retry-pushback-ms"]) == (14, "1000")

    play(story, desks)


def test_many_calls_at_a_time_are_each_answered() -> None:
    async def story(client: WebClient) -> None:
        answers = await asyncio.gather(
            *(client.call(Step(Rpc.UPDATE, on=bool(number % 2))) for number in range(20))
        )
        assert {answer.code for answer in answers} == {0}

    play(story)


PREFLIGHT = {
    "origin": "https://console.example",
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-grpc-web,x-zitadel-orgid",
}


async def preflight(http: httpx.AsyncClient, path: str = Rpc.GET.grpc) -> httpx.Response:
    return await http.options(path, headers=PREFLIGHT)


def test_any_page_may_call_but_without_a_browsers_credentials() -> None:
    async def story(client: WebClient) -> None:
        asked = await preflight(client.http)
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in asked.headers
        allowed = asked.headers["access-control-allow-headers"]
        assert {"authorization", "x-zitadel-orgid"} <= set(allowed.split(","))
        called = await client.http.post(
            Rpc.GET.grpc,
            content=framed(request_of(Step(Rpc.GET))),
            headers=OWNER | {"origin": PREFLIGHT["origin"], "content-type": client.kind},
        )
        assert called.headers["access-control-allow-origin"] == "*"
        assert "grpc-status" in called.headers["access-control-expose-headers"]

    play(story)


def test_no_page_may_call_over_rest() -> None:
    async def story(client: WebClient) -> None:
        path = Rpc.GET.http[1]
        asked = await preflight(client.http, path)
        called = await client.http.get(path, headers=OWNER | {"origin": PREFLIGHT["origin"]})
        for answer in (asked, called):
            assert not any(name.startswith("access-control") for name in answer.headers)

    play(story)


@pytest.mark.parametrize("path", [Rpc.GET.grpc, Rpc.GET.http[1]])
def test_where_origins_are_named_their_pages_may_call_and_no_others(path: str) -> None:
    desks = Installation(Manner.SETTING).desks()

    async def story(client: WebClient) -> None:
        asked = await preflight(client.http, path)
        assert asked.headers["access-control-allow-origin"] == PREFLIGHT["origin"]
        others = await client.http.options(path, headers=PREFLIGHT | {"origin": "https://evil"})
        assert others.status_code == 400
        assert "access-control-allow-origin" not in others.headers

    play(story, replace(desks, origins=(PREFLIGHT["origin"],)))
