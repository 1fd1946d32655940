"""``dispatcher api`` over gRPC, called as a tool calls that knows nothing of it before."""

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from tests.acceptance.system import PATIENCE, processes_of, wait_until
from tests.acceptance.test_api import POLICY, Api, api, token

MANAGEMENT = "zitadel.management.v1.ManagementService"


@dataclass
class Tool:
    """Learns services by reflection, and calls them."""

    channel: grpc.Channel

    def __post_init__(self) -> None:
        self.pool = DescriptorPool(ProtoReflectionDescriptorDatabase(self.channel))

    def call(self, service: str, name: str, bearer: str, **fields: Any) -> Any:
        method = self.pool.FindServiceByName(service).FindMethodByName(name)
        request: Message = GetMessageClass(method.input_type)(**fields)
        response = GetMessageClass(method.output_type)
        call = self.channel.unary_unary(
            f"/{service}/{name}", lambda message: message.SerializeToString(), response.FromString
        )
        return call(request, metadata=(("authorization", f"Bearer {bearer}"),), timeout=PATIENCE)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("api") / "var", "--processes", "2") as started:
        yield started


def grpc_address(running: Api) -> str:
    printed = (running.folder.parent / "api.out").read_text()
    found = re.search(r"gRPC at (127\.0\.0\.1:\d+)", printed)
    assert found, printed
    return found[1]


def test_a_tool_that_only_knows_reflection_sets_a_policy_that_rest_reads(running: Api) -> None:
    bearer = token(running.env, "--org", "acme", "--role", "ORG_OWNER")
    with grpc.insecure_channel(grpc_address(running)) as channel:
        tool = Tool(channel)
        written = tool.call(
            MANAGEMENT, "UpdateCustomNotificationPolicy", bearer, password_change=True
        )
        read = tool.call(MANAGEMENT, "GetNotificationPolicy", bearer)
    assert (written.details.sequence, written.details.resource_owner) == (1, "acme")
    assert read.policy.password_change
    headers = {"authorization": f"Bearer {bearer}"}
    told = httpx.get(f"{running.url}{POLICY}", headers=headers, trust_env=False).json()
    assert told["policy"]["passwordChange"] is True
    assert told["policy"]["details"]["sequence"] == str(read.policy.details.sequence)


def test_a_token_of_another_organization_learns_nothing(running: Api) -> None:
    bearer = token(running.env, "--org", "globex", "--role", "ORG_OWNER")
    with grpc.insecure_channel(grpc_address(running)) as channel:
        for org in ("acme", "nowhere"):
            call = channel.unary_unary(f"/{MANAGEMENT}/GetNotificationPolicy", bytes, bytes)
            metadata = (("authorization", f"Bearer {bearer}"), ("x-zitadel-orgid", org))
            with pytest.raises(grpc.RpcError) as refused:
                call(b"", metadata=metadata, timeout=PATIENCE)
            error: Any = refused.value
            assert error.code() is grpc.StatusCode.NOT_FOUND
            assert error.details() == "membership not found (AUTHZ-cdgFk)"


def test_both_processes_are_healthy_and_stop_though_somebody_watches(tmp_path: Path) -> None:
    with (
        api(tmp_path / "var", "--processes", "2") as running,
        grpc.insecure_channel(grpc_address(running)) as channel,
    ):
        watched = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
        running.process.send_signal(signal.SIGTERM)
        assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert list(watched) == []
        assert running.process.wait(timeout=PATIENCE) == 0
        wait_until(lambda: not processes_of(running.folder), "no process is left")
