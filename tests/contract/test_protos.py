"""Our .proto files say on the wire what the API we mirror says, and the code is made of them."""

from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from dispatcher.access import Permission
from dispatcher.web.grpc_methods import METHODS
from tests import protos

MESSAGES = {
    "zitadel.v1.ObjectDetails": {
        "sequence": 1,
        "creation_date": 2,
        "change_date": 3,
        "resource_owner": 4,
    },
    "zitadel.v1.ErrorDetail": {"id": 1, "message": 2},
    "zitadel.v1.AuthOption": {"permission": 1, "check_field_name": 2},
    "zitadel.policy.v1.NotificationPolicy": {"details": 1, "is_default": 2, "password_change": 3},
    "dispatcher.rpc.Status": {"code": 1, "message": 2, "details": 3},
}

PERMISSIONS = {
    "/zitadel.management.v1.ManagementService/Healthz": None,
    "/zitadel.management.v1.ManagementService/GetNotificationPolicy": "policy.read",
    "/zitadel.management.v1.ManagementService/GetDefaultNotificationPolicy": "policy.read",
    "/zitadel.management.v1.ManagementService/AddCustomNotificationPolicy": "policy.write",
    "/zitadel.management.v1.ManagementService/UpdateCustomNotificationPolicy": "policy.write",
    "/zitadel.management.v1.ManagementService/ResetNotificationPolicyToDefault": "policy.delete",
    "/zitadel.admin.v1.AdminService/Healthz": None,
    "/zitadel.admin.v1.AdminService/GetNotificationPolicy": "iam.policy.read",
    "/zitadel.admin.v1.AdminService/AddNotificationPolicy": "iam.policy.write",
    "/zitadel.admin.v1.AdminService/UpdateNotificationPolicy": "iam.policy.write",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileDescriptorProto]:
    """Compile our .proto files anew."""
    compiled: Path = tmp_path_factory.mktemp("protos") / "all"
    protos.protoc_run(f"--descriptor_set_out={compiled}")
    return {file.name: file for file in FileDescriptorSet.FromString(compiled.read_bytes()).file}


@pytest.mark.parametrize("source", protos.sources())
def test_the_code_is_up_to_date(source: str, files: dict[str, FileDescriptorProto]) -> None:
    name = source.removesuffix(".proto").replace("/", ".")
    module = import_module(f"dispatcher.web.protos.{name}_pb2")
    made = FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
    anew = files[source]
    for message in (*anew.message_type, *anew.extension):
        for field in getattr(message, "field", [message]):
            field.ClearField("json_name")  # protoc adds them to a set of descriptors only
    assert made == anew, "run `make protos`"


@pytest.mark.parametrize("name", MESSAGES)
def test_fields_have_the_public_numbers(name: str, files: dict[str, FileDescriptorProto]) -> None:
    (numbers,) = (
        {field.name: field.number for field in message.field}
        for file in files.values()
        for message in file.message_type
        if f"{file.package}.{message.name}" == name
    )
    assert numbers == MESSAGES[name]


def test_calls_need_what_the_mirrored_api_needs() -> None:
    assert {path: method.permission for path, method in METHODS.items()} == {
        path: Permission(needed) if needed else None for path, needed in PERMISSIONS.items()
    }


def test_requests_and_responses_are_named_after_their_call() -> None:
    for path, method in METHODS.items():
        name = path.rpartition("/")[2]
        assert method.request.DESCRIPTOR.name == f"{name}Request"
        assert method.response.DESCRIPTOR.name == f"{name}Response"
        assert {field.number for field in method.request.DESCRIPTOR.fields} <= {1}
        assert {field.number for field in method.response.DESCRIPTOR.fields} <= {1}
