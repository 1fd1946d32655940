"""The API as clients of gRPC and of gRPC-Web meet it."""

import base64
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import grpc
import httpx
from google.protobuf import json_format
from google.protobuf.message import Message

from dispatcher.web.app import Desks
from dispatcher.web.grpc_calls import Calls
from dispatcher.web.grpc_methods import METHODS
from dispatcher.web.grpc_server import GrpcServer
from dispatcher.web.protos.rpc.status_pb2 import Status
from dispatcher.web.protos.zitadel.message_pb2 import ErrorDetail
from tests.contract.policy_api.clients import Answer, Step, served


def request_of(step: Step) -> bytes:
    """Return a call's request on the wire."""
    message = METHODS[step.rpc.grpc].request()
    if step.rpc.is_change and step.on is not None:
        json_format.ParseDict({"passwordChange": step.on}, message)
    return message.SerializeToString()


def success(step: Step, response: bytes) -> Answer:
    """Return what a response says."""
    body = _as_json(METHODS[step.rpc.grpc].response.FromString(response))
    policy = body.get("policy", {})
    return Answer(
        details=policy.get("details", body.get("details")),
        is_default=policy.get("isDefault", False),
        on=policy.get("passwordChange", False),
    )


def failure(code: int, message: str, details: bytes) -> Answer:
    """Return what a status says; its details are checked to say the same."""
    if not details:
        return Answer(code, message)
    status = Status.FromString(details)
    assert (status.code, status.message) == (code, message)
    (packed,) = status.details
    detail = ErrorDetail()
    assert packed.Unpack(detail)
    assert message == f"{detail.message} ({detail.id})"
    return Answer(code, message, detail.id)


def _as_json(message: Message) -> dict[str, Any]:
    return json_format.MessageToDict(message)


@dataclass(frozen=True)
class GrpcClient:
    """Calls over gRPC."""

    channel: grpc.aio.Channel

    async def call(self, step: Step) -> Answer:
        method = self.channel.unary_unary(step.rpc.grpc, bytes, bytes)
        call = method(request_of(step), metadata=tuple(step.headers.items()), timeout=10)
        try:
            response = await call
        except grpc.aio.AioRpcError as error:
            metadata: Any = error.trailing_metadata()  # its stubs know pairs of another kind
            told = dict(tuple(metadata))
            details = told.get("grpc-status-details-bin", b"")
            return failure(error.code().value[0], error.details() or "", details)
        assert ("cache-control", "no-store") in tuple(await call.initial_metadata())
        return success(step, response)


@dataclass(frozen=True)
class WebReply:
    """A reply over gRPC-Web, taken apart."""

    message: bytes | None
    trailers: dict[str, str]

    @classmethod
    def read(cls, body: bytes) -> "WebReply":
        messages, trailers = [], {}
        while body:
            flags, size = struct.unpack(">BI", body[:5])
            payload, body = body[5 : 5 + size], body[5 + size :]
            assert len(payload) == size
            if flags == 0x80:
                lines = payload.decode("ascii").split("\r\n")
                assert not body
                assert lines.pop() == ""
                trailers = dict(line.split(": ", 1) for line in lines)
            else:
                assert flags == 0
                messages.append(payload)
        return cls(messages[0] if messages else None, trailers)

    @property
    def code(self) -> int:
        return int(self.trailers["grpc-status"])

    @property
    def reason(self) -> str:
        return unquote(self.trailers.get("grpc-message", ""))

    @property
    def details(self) -> bytes:
        text = self.trailers.get("grpc-status-details-bin", "")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


@dataclass(frozen=True)
class WebClient:
    """Calls over gRPC-Web, in binary or in text."""

    http: httpx.AsyncClient
    kind: str = "application/grpc-web+proto"

    async def call(self, step: Step) -> Answer:
        message = request_of(step)
        body = struct.pack(">BI", 0, len(message)) + message
        reply = WebReply.read(await self.send(step.rpc.grpc, body, step.headers))
        if reply.code:
            return failure(reply.code, reply.reason, reply.details)
        assert reply.message is not None
        return success(step, reply.message)

    async def send(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """Send a body, and return what came back, both in binary."""
        is_text = "text" in self.kind
        content = base64.b64encode(body) if is_text else body
        told = headers | {"content-type": self.kind, "x-grpc-web": "1"}
        answer = await self.http.post(path, content=content, headers=told)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == self.kind
        assert answer.headers["cache-control"] == "no-store"
        return base64.b64decode(answer.content, validate=True) if is_text else answer.content


@asynccontextmanager
async def served_grpc(desks: Desks) -> AsyncIterator[str]:
    """Serve the calls over gRPC as in real life; yield the address."""
    calls = Calls(desks.policies, desks.gate, desks.observer)
    server = GrpcServer(calls, "127.0.0.1:0", desks.ready)
    port = await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(1.0)


@asynccontextmanager
async def over_grpc(desks: Desks) -> AsyncIterator[GrpcClient]:
    """Yield a client over gRPC."""
    async with served_grpc(desks) as address, grpc.aio.insecure_channel(address) as channel:
        yield GrpcClient(channel)


@asynccontextmanager
async def over_web(desks: Desks) -> AsyncIterator[WebClient]:
    """Yield a client over gRPC-Web."""
    async with served(desks) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        yield WebClient(http)


@asynccontextmanager
async def over_web_text(desks: Desks) -> AsyncIterator[WebClient]:
    """Yield a client over gRPC-Web in base64, as old browsers need it."""
    async with over_web(desks) as client:
        yield WebClient(client.http, "application/grpc-web-text")
