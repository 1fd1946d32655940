"""The policy API over REST."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dispatcher import policy_wire
from dispatcher.access import Permission
from dispatcher.errors import DispatcherError
from dispatcher.policies import Policies, Switches
from dispatcher.policy import COMPATIBLE, Manner, Policy, Written
from dispatcher.ports import Observer
from dispatcher.web import reference
from dispatcher.web.gate import Call, Gate, Grant
from dispatcher.web.patience import StorePatience
from dispatcher.web.requests import call_of

_Admit = Callable[[Call, Permission], Awaitable[Grant]]
_Read = Callable[[Grant], Awaitable[Policy]]
_Write = Callable[[Grant, Switches], Awaitable[Written]]


@dataclass(frozen=True, slots=True)
class PolicyDesk:
    """Answers requests about policies.

    Args:
        policies: The policies.
        gate: Who may do what.
        observer: Is told of every change.
        switches: The switches that mean something.
    """

    policies: Policies
    gate: Gate
    observer: Observer
    switches: frozenset[str]

    async def read(
        self, request: Request, admit: _Admit, permission: Permission, read: _Read
    ) -> Response:
        """Answer with a policy."""
        async with StorePatience():
            grant = await admit(call_of(request), permission)
        async with StorePatience():
            policy = await read(grant)
        details = self.policies.details(policy)
        body = policy_wire.policy_body(policy, details, self._told(request), self.policies.manner)
        return JSONResponse(body)

    def _told(self, request: Request) -> frozenset[str]:
        """Return the switches that an answer tells of: those we mirror, and who asks, others."""
        asked = frozenset(request.query_params.getlist(reference.SWITCH["name"]))
        return COMPATIBLE | (asked & self.switches)

    async def write(
        self, request: Request, admit: _Admit, permission: Permission, write: _Write
    ) -> Response:
        """Answer with what a change did.

        In ZITADEL's manner the body is looked at first: nonsense is nonsense, whoever sends it.
        """
        if self.policies.manner is Manner.ZITADEL:
            switches = await self._switches(request)
            grant = await self._admitted(request, admit, permission)
        else:
            grant = await self._admitted(request, admit, permission)
            switches = await self._switches(request)
        return await self._written(lambda: write(grant, switches))

    async def remove(
        self,
        request: Request,
        permission: Permission,
        remove: Callable[[Grant], Awaitable[Written]],
    ) -> Response:
        """Answer with what a removal did."""
        grant = await self._admitted(request, self.gate.organization, permission)
        return await self._written(lambda: remove(grant))

    async def _admitted(self, request: Request, admit: _Admit, permission: Permission) -> Grant:
        async with StorePatience():
            return await admit(call_of(request), permission)

    async def _switches(self, request: Request) -> Switches:
        manner = self.policies.manner
        body = policy_wire.decode(await request.body(), manner)
        return policy_wire.parse_update(body, self.switches, manner)

    async def _written(self, write: Callable[[], Awaitable[Written]]) -> Response:
        try:
            async with StorePatience():
                written = await write()
        except DispatcherError as error:
            self.observer.policy_refused(error)
            raise
        self.observer.policy_written(written)
        return JSONResponse(policy_wire.changed(self.policies.details(written)))


_READ: Final[dict[str, Any]] = {
    "response_model": None,
    "responses": reference.answers(reference.PolicyRead, reference.CALLER),
}
_READ_OWN: Final[dict[str, Any]] = _READ | {
    "responses": reference.answers(reference.PolicyRead, (*reference.CALLER, 400))
}
_WRITE: Final[dict[str, Any]] = {
    "response_model": None,
    "responses": reference.answers(reference.Changed, reference.WRITER),
}
_ADD: Final[dict[str, Any]] = {
    "response_model": None,
    "responses": reference.answers(reference.Changed, (*reference.WRITER, 409)),
}
_OF_ORG: Final = reference.about(reference.SECURED, parameters=[reference.ORGANIZATION])
_OF_ORG_READ: Final = reference.about(
    reference.SECURED, parameters=[reference.ORGANIZATION, reference.SWITCH]
)
_OF_ORG_SET: Final = reference.about(_OF_ORG, reference.SWITCHES)
_OF_INSTANCE: Final = reference.about(reference.SECURED)
_OF_INSTANCE_READ: Final = reference.about(reference.SECURED, parameters=[reference.SWITCH])
_OF_INSTANCE_SET: Final = reference.about(reference.SECURED, reference.SWITCHES)


def management_router(desk: PolicyDesk) -> APIRouter:
    """Return the routes about one organization's policy."""
    router = APIRouter(prefix="/management/v1/policies", tags=["An organization's policy"])
    policies, admit = desk.policies, desk.gate.organization

    @router.get("/notification", **_READ_OWN, openapi_extra=_OF_ORG_READ)
    async def get_notification_policy(request: Request) -> Response:
        """Read what counts for the organization: its own policy, else the default."""
        return await desk.read(
            request, admit, Permission.POLICY_READ, lambda grant: policies.get(grant.org_id)
        )

    @router.get("/default/notification", **_READ, openapi_extra=_OF_ORG_READ)
    async def get_default_notification_policy(request: Request) -> Response:
        """Read the default policy."""
        return await desk.read(
            request, admit, Permission.POLICY_READ, lambda _: policies.get_default()
        )

    @router.post("/notification", **_ADD, openapi_extra=_OF_ORG_SET)
    async def add_custom_notification_policy(request: Request) -> Response:
        """Give the organization a policy of its own."""
        return await desk.write(
            request,
            admit,
            Permission.POLICY_WRITE,
            lambda grant, on: policies.add(grant.org_id, on, by=grant.caller.id),
        )

    @router.put("/notification", **_WRITE, openapi_extra=_OF_ORG_SET)
    async def update_custom_notification_policy(request: Request) -> Response:
        """Set the organization's policy; it is created where there is none.

        Setting what is so already succeeds and changes nothing. In ZITADEL's manner both
        are refused.
        """
        return await desk.write(
            request,
            admit,
            Permission.POLICY_WRITE,
            lambda grant, on: policies.update(grant.org_id, on, by=grant.caller.id),
        )

    @router.delete("/notification", **_WRITE, openapi_extra=_OF_ORG)
    async def reset_notification_policy_to_default(request: Request) -> Response:
        """Remove the organization's own policy, so that the default counts again."""
        return await desk.remove(
            request,
            Permission.POLICY_DELETE,
            lambda grant: policies.reset(grant.org_id, by=grant.caller.id),
        )

    return router


def admin_router(desk: PolicyDesk) -> APIRouter:
    """Return the routes about the default policy."""
    router = APIRouter(prefix="/admin/v1/policies", tags=["The default policy"])
    policies, admit = desk.policies, desk.gate.instance

    @router.get("/notification", **_READ, openapi_extra=_OF_INSTANCE_READ)
    async def get_notification_policy(request: Request) -> Response:
        """Read the default policy."""
        return await desk.read(
            request, admit, Permission.IAM_POLICY_READ, lambda _: policies.get_default()
        )

    @router.post("/notification", **_ADD, openapi_extra=_OF_INSTANCE_SET)
    async def add_notification_policy(request: Request) -> Response:
        """Give the instance a default policy."""
        return await desk.write(
            request,
            admit,
            Permission.IAM_POLICY_WRITE,
            lambda grant, on: policies.add_default(on, by=grant.caller.id),
        )

    @router.put("/notification", **_WRITE, openapi_extra=_OF_INSTANCE_SET)
    async def update_notification_policy(request: Request) -> Response:
        """Set the default policy; it is created where there is none (not in ZITADEL's manner)."""
        return await desk.write(
            request,
            admit,
            Permission.IAM_POLICY_WRITE,
            lambda grant, on: policies.update_default(on, by=grant.caller.id),
        )

    return router
