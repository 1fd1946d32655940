"""What each call of the API does, by the path it is called by.

The messages and the permissions stand in the .proto files.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from dispatcher.access import Permission
from dispatcher.policies import Policies, Switches
from dispatcher.policy import Details, Policy, Written
from dispatcher.web.gate import Grant
from dispatcher.web.protos.zitadel import admin_pb2, management_pb2, options_pb2
from dispatcher.web.protos.zitadel.object_pb2 import ObjectDetails
from dispatcher.web.protos.zitadel.policy_pb2 import NotificationPolicy

MANAGEMENT: Final = management_pb2.DESCRIPTOR.services_by_name["ManagementService"]
ADMIN: Final = admin_pb2.DESCRIPTOR.services_by_name["AdminService"]
SERVICES: Final[tuple[str, ...]] = (MANAGEMENT.full_name, ADMIN.full_name)

_AUTH: Final[Any] = options_pb2.auth_option  # extensions have no types
_PASSWORD_CHANGE: Final = "passwordChange"  # noqa: S105 - a switch's name

Told = Policy | Written | None
"""What a call has to tell: a policy that was read, a change, or nothing."""

Act = Callable[[Policies, Grant, Switches], Awaitable[Told]]


async def _nothing(_: Policies, __: Grant, ___: Switches) -> None:
    """Do nothing; that it was answered is the answer."""


_MANAGEMENT_ACTS: Final[Mapping[str, Act]] = {
    "Healthz": _nothing,
    "GetNotificationPolicy": lambda policies, grant, _: policies.get(grant.org_id),
    "GetDefaultNotificationPolicy": lambda policies, _, __: policies.get_default(),
    "AddCustomNotificationPolicy": lambda policies, grant, on: policies.add(
        grant.org_id, on, by=grant.caller.id
    ),
    "UpdateCustomNotificationPolicy": lambda policies, grant, on: policies.update(
        grant.org_id, on, by=grant.caller.id
    ),
    "ResetNotificationPolicyToDefault": lambda policies, grant, _: policies.reset(
        grant.org_id, by=grant.caller.id
    ),
}
_ADMIN_ACTS: Final[Mapping[str, Act]] = {
    "Healthz": _nothing,
    "GetNotificationPolicy": lambda policies, _, __: policies.get_default(),
    "AddNotificationPolicy": lambda policies, grant, on: policies.add_default(
        on, by=grant.caller.id
    ),
    "UpdateNotificationPolicy": lambda policies, grant, on: policies.update_default(
        on, by=grant.caller.id
    ),
}


@dataclass(frozen=True, slots=True)
class Method:
    """One call of a service.

    Args:
        path: What it is called by, ``/package.Service/Method``.
        permission: What its caller needs; None where anybody may.
        request: Its request's class.
        response: Its response's class.
        act: What it does.
    """

    path: str
    permission: Permission | None
    request: type[Message]
    response: type[Message]
    act: Act

    @classmethod
    def of(cls, method: MethodDescriptor, act: Act) -> "Method":
        """Return the call that a .proto file describes."""
        needed = method.GetOptions().Extensions[_AUTH].permission
        return cls(
            path=f"/{method.containing_service.full_name}/{method.name}",
            permission=Permission(needed) if needed else None,
            request=GetMessageClass(method.input_type),
            response=GetMessageClass(method.output_type),
            act=act,
        )

    @property
    def is_about_instance(self) -> bool:
        """Tell whether the call is about the instance as a whole."""
        return self.permission is not None and self.permission.startswith("iam.")

    @property
    def is_change(self) -> bool:
        """Tell whether the call changes something."""
        return self.permission is not None and not self.permission.endswith(".read")

    def switches(self, request: Message) -> Switches:
        """Return what a request sets; on the wire, off and not set are the same."""
        return {_PASSWORD_CHANGE: bool(getattr(request, "password_change", False))}

    def answer(self, told: Told, policies: Policies) -> bytes:
        """Return the response on the wire."""
        if told is None:
            return self.response().SerializeToString()
        details = _details(policies.details(told))
        if isinstance(told, Written):
            return self.response(details=details).SerializeToString()
        policy = NotificationPolicy(
            details=details,
            is_default=told.is_default,
            password_change=told.permits(_PASSWORD_CHANGE),
        )
        return self.response(policy=policy).SerializeToString()


METHODS: Final[Mapping[str, Method]] = {
    method.path: method
    for service, acts in ((MANAGEMENT, _MANAGEMENT_ACTS), (ADMIN, _ADMIN_ACTS))
    for method in (Method.of(described, acts[described.name]) for described in service.methods)
}
"""Every call that is answered, by its path."""


def _details(details: Details) -> ObjectDetails:
    return ObjectDetails(
        sequence=details.sequence,
        creation_date=_timestamp(details.created_at),
        change_date=_timestamp(details.changed_at),
        resource_owner=details.resource_owner,
    )


def _timestamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(at)
    return timestamp
