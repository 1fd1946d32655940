"""The gRPC server as clients meet it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from dispatcher.errors import ConfigError, RateLimited, StoreUnavailable
from dispatcher.policies import Policies
from dispatcher.policy import Manner
from dispatcher.web import grpc_server
from dispatcher.web.app import Desks
from dispatcher.web.gate import Call, Gate, NoRateLimits
from dispatcher.web.grpc_calls import Calls
from dispatcher.web.grpc_methods import SERVICES
from dispatcher.web.grpc_server import GrpcServer
from tests.contract.policy_api.clients import Rpc, Step
from tests.contract.policy_api.grpc_clients import GrpcClient, request_of, served_grpc
from tests.contract.policy_api.installation import Installation, KnownCallers
from tests.integration.web.stalled import StalledStore

OWNER = (("authorization", "Bearer owner"),)
PATIENCE = 10.0

Story = Callable[[grpc.aio.Channel], Awaitable[None]]


def play(story: Story, desks: Desks | None = None) -> None:
    async def played() -> None:
        async with (
            served_grpc(desks or Installation(Manner.SETTING).desks()) as address,
            grpc.aio.insecure_channel(address) as channel,
        ):
            await asyncio.wait_for(story(channel), PATIENCE)

    asyncio.run(played())


def stalled() -> tuple[StalledStore, Desks]:
    store = StalledStore()
    return store, replace(Installation(Manner.SETTING).desks(), policies=Policies(store))


async def refusal(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value


def call(channel: grpc.aio.Channel, path: str, request: bytes = b"", **said: Any) -> Any:
    return channel.unary_unary(path, bytes, bytes)(request, **{"metadata": OWNER} | said)


@pytest.mark.parametrize(
    "path",
    [
        "/zitadel.management.v1.ManagementService/GetMyOrg",
        "/zitadel.admin.v1.AdminService/ListOrgs",
        "/zitadel.user.v2.UserService/GetUserByID",
        "/nonsense",
    ],
)
def test_every_other_call_is_unimplemented(path: str) -> None:
    async def story(channel: grpc.aio.Channel) -> None:
        refused = await refusal(call(channel, path))
        assert refused.code() is grpc.StatusCode.UNIMPLEMENTED

    play(story)


def test_streaming_calls_are_unimplemented_too() -> None:
    async def story(channel: grpc.aio.Channel) -> None:
        streaming = channel.unary_stream("/zitadel.admin.v1.AdminService/Watch", bytes, bytes)
        refused = await refusal(anext(aiter(streaming(b""))))
        assert refused.code() is grpc.StatusCode.UNIMPLEMENTED

    play(story)


def test_a_request_that_cannot_be_decoded_changes_nothing() -> None:
    async def story(channel: grpc.aio.Channel) -> None:
        refused = await refusal(call(channel, Rpc.UPDATE.grpc, b"\x08"))
        assert refused.code() is grpc.StatusCode.INTERNAL
        read = await GrpcClient(channel).call(Step(Rpc.GET))
        assert read.code == grpc.StatusCode.NOT_FOUND.value[0]

    play(story)


def test_unknown_fields_are_ignored() -> None:
    async def story(channel: grpc.aio.Channel) -> None:
        request = request_of(Step(Rpc.UPDATE, on=True)) + b"\x50\x01"
        await call(channel, Rpc.UPDATE.grpc, request)
        assert (await GrpcClient(channel).call(Step(Rpc.GET))).on

    play(story)


def test_a_call_whose_message_does_not_come_keeps_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def none() -> AsyncIterator[bytes]:
        for number in range(0):
            yield bytes(number)

    async def story(channel: grpc.aio.Channel) -> None:
        stuck = channel.stream_unary(Rpc.GET.grpc, bytes, bytes)
        refused = await refusal(stuck(never()))
        assert refused.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        refused = await refusal(stuck(none()))
        assert refused.code() is grpc.StatusCode.UNIMPLEMENTED

    monkeypatch.setattr(grpc_server, "_MESSAGE_TIME", 0.2)
    play(story)


def test_a_message_that_is_too_large_is_refused() -> None:
    async def story(channel: grpc.aio.Channel) -> None:
        refused = await refusal(call(channel, Rpc.HEALTHZ.grpc, bytes(70_000)))
        assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    play(story)


def test_a_message_that_is_too_large_once_unpacked_is_refused() -> None:
    async def story(channel: grpc.aio.Channel) -> None:
        bomb = call(channel, Rpc.HEALTHZ.grpc, bytes(5_000_000), compression=grpc.Compression.Gzip)
        assert (await refusal(bomb)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    play(story)


def test_packed_messages_are_taken() -> None:
    async def story(channel: grpc.aio.Channel) -> None:
        request = request_of(Step(Rpc.UPDATE, on=True)) + b"\x52\x40" + bytes(64)
        await call(channel, Rpc.UPDATE.grpc, request, compression=grpc.Compression.Gzip)
        assert (await GrpcClient(channel).call(Step(Rpc.GET))).on

    play(story)


def test_a_deadline_ends_the_call_and_what_it_waits_for() -> None:
    store, desks = stalled()

    async def story(channel: grpc.aio.Channel) -> None:
        await call(channel, Rpc.HEALTHZ.grpc)  # connected: the deadline is the call's alone
        refused = await refusal(call(channel, Rpc.GET.grpc, timeout=0.5))
        assert refused.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await store.left.wait()

    play(story, desks)


def test_cancelling_ends_the_call_and_what_it_waits_for() -> None:
    store, desks = stalled()

    async def story(channel: grpc.aio.Channel) -> None:
        waiting = call(channel, Rpc.GET.grpc)
        asyncio.get_running_loop().create_task(waiting.code())
        await store.entered.wait()
        waiting.cancel()
        await store.left.wait()

    play(story, desks)


def test_a_store_that_does_not_answer_makes_the_api_unavailable() -> None:
    _, desks = stalled()

    async def story(channel: grpc.aio.Channel) -> None:
        refused = await refusal(call(channel, Rpc.GET.grpc, timeout=PATIENCE))
        assert refused.code() is grpc.StatusCode.UNAVAILABLE
        metadata: Any = refused.trailing_metadata()
        assert ("grpc-retry-pushback-ms", "1000") in tuple(metadata)

    play(story, desks)


def test_who_calls_too_often_is_told_when_to_come_again() -> None:
    class Never(NoRateLimits):
        async def before(self, call: Call) -> None:
            assert call.address == "127.0.0.1"
            assert call.forwarded == "192.0.2.1,192.0.2.2"
            raise RateLimited("too often", retry_after=7.0)

    desks = replace(Installation(Manner.SETTING).desks(), gate=Gate(KnownCallers(), Never()))
    hops = (("x-forwarded-for", "192.0.2.1,192.0.2.2"),)

    async def story(channel: grpc.aio.Channel) -> None:
        refused = await refusal(call(channel, Rpc.GET.grpc, metadata=(*OWNER, *hops)))
        assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        metadata: Any = refused.trailing_metadata()
        assert ("grpc-retry-pushback-ms", "7000") in tuple(metadata)

    play(story, desks)


def test_an_error_of_ours_tells_nothing() -> None:
    class Broken(KnownCallers):
        async def authenticate(self, authorization: str | None) -> Any:
            raise ZeroDivisionError(authorization)

    gate = Gate(Broken(), NoRateLimits())

    async def story(channel: grpc.aio.Channel) -> None:
        refused = await refusal(call(channel, Rpc.GET.grpc))
        assert refused.code() is grpc.StatusCode.INTERNAL
        assert "owner" not in str(refused.details())

    play(story, replace(Installation(Manner.SETTING).desks(), gate=gate))


def test_many_calls_at_a_time_lose_no_update() -> None:
    async def story(channel: grpc.aio.Channel) -> None:
        client = GrpcClient(channel)
        await client.call(Step(Rpc.ADD, on=True))
        steps = [Step(Rpc.UPDATE, on=bool(number % 2)) for number in range(40)]
        answers = await asyncio.gather(*map(client.call, steps))
        sequences = sorted(int((answer.details or {})["sequence"]) for answer in answers)
        read = await client.call(Step(Rpc.GET))
        assert sequences[-1] == int((read.details or {})["sequence"])
        assert set(sequences) <= set(range(1, 42))

    play(story)


def test_a_process_with_its_hands_full_says_so_but_is_healthy() -> None:
    store, desks = stalled()

    async def story() -> None:
        calls = Calls(desks.policies, desks.gate, desks.observer, in_flight=1)
        busy = asyncio.create_task(calls.answer(Rpc.GET.grpc, b"", Call("Bearer owner")))
        await store.entered.wait()
        _, refused = await calls.answer(Rpc.GET.grpc, b"", Call("Bearer owner"))
        _, healthy = await calls.answer(Rpc.HEALTHZ.grpc, b"", Call(None))
        assert (refused.code, healthy.code) == (14, 0)
        busy.cancel()
        with pytest.raises(asyncio.CancelledError):
            await busy

    asyncio.run(story())


def test_reflection_tells_services_and_what_their_calls_need() -> None:
    async def story(channel: grpc.aio.Channel) -> None:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        ask = reflection_pb2.ServerReflectionRequest
        asked = [ask(list_services=""), ask(file_containing_symbol=SERVICES[0])]
        listed, file = [reply async for reply in stub.ServerReflectionInfo(iter(asked))]
        names = {service.name for service in listed.list_services_response.service}
        assert names >= {*SERVICES, "grpc.health.v1.Health"}
        described = b"".join(file.file_descriptor_response.file_descriptor_proto)
        assert b"policy.delete" in described

    play(story)


def test_health_follows_the_store_and_ends_with_the_server() -> None:
    is_away = False

    async def ready() -> None:
        if is_away:
            raise StoreUnavailable("away")

    async def story() -> None:
        nonlocal is_away
        desks = Installation(Manner.SETTING).desks()
        server = GrpcServer(Calls(desks.policies, desks.gate, desks.observer), "127.0.0.1:0", ready)
        port = await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            watched = aiter(stub.Watch(health_pb2.HealthCheckRequest(service=SERVICES[0])))
            seen = [(await anext(watched)).status]
            is_away = True
            seen.append((await anext(watched)).status)
            is_away = False
            seen.append((await anext(watched)).status)
            stopping = asyncio.create_task(server.stop(10 * PATIENCE))
            seen += [change.status async for change in watched]
            await stopping
        serving = health_pb2.HealthCheckResponse
        assert seen == [
            serving.SERVING,
            serving.NOT_SERVING,
            serving.SERVING,
            serving.NOT_SERVING,
        ]

    asyncio.run(asyncio.wait_for(story(), PATIENCE))


def test_what_is_being_answered_is_answered_before_the_server_stops() -> None:
    store, desks = stalled()

    async def story() -> None:
        calls = Calls(desks.policies, desks.gate, desks.observer)
        server = GrpcServer(calls, "127.0.0.1:0", desks.ready)
        port = await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            answer = asyncio.ensure_future(call(channel, Rpc.GET.grpc).code())
            await store.entered.wait()
            stopping = asyncio.create_task(server.stop(PATIENCE))
            store.answer.set()
            assert await answer is grpc.StatusCode.NOT_FOUND
            await stopping

    asyncio.run(asyncio.wait_for(story(), PATIENCE))


def test_an_address_in_use_is_said_to_be() -> None:
    async def story() -> None:
        desks = Installation(Manner.SETTING).desks()
        async with served_grpc(desks) as address:
            calls = Calls(desks.policies, desks.gate, desks.observer)
            second = GrpcServer(calls, address, desks.ready)
            with pytest.raises(ConfigError, match="DISPATCHER_GRPC_BIND"):
                await second.start()
            await second.stop(0)

    asyncio.run(story())
