"""Policies: what counts for whom, who changed it, and switches to change it with."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatcher.access import Permission
from dispatcher.errors import DispatcherError, InvalidPolicy, PolicyNotFound
from dispatcher.policy import Policy, Written
from dispatcher.web.console.desk import Console, back_to
from dispatcher.web.console.views import link
from dispatcher.web.console.visits import Visitor
from dispatcher.web.patience import LOG_PATIENCE, StorePatience

_MOST_LISTED: Final = 100
_CHANGES: Final = 50
_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch as it stands.

    Args:
        name: Its name in the API.
        title: The same for people.
        is_on: Whether people are told.
        is_own: Whether the organization itself has decided so.
    """

    name: str
    title: str
    is_on: bool
    is_own: bool


@dataclass(frozen=True, slots=True)
class PolicyPages:
    """Shows and changes policies.

    Args:
        console: What pages are made from.
    """

    console: Console

    async def list(self, request: Request, visitor: Visitor) -> Response:
        """Show the organizations that had events; who belongs to one sees that one."""
        own = visitor.caller.sees(Permission.POLICY_READ)
        if own is not None:
            return back_to(link("policy", own))
        wanted = request.query_params.get("org", "").strip()
        if wanted:
            return back_to(link("policy", wanted))
        async with StorePatience(LOG_PATIENCE):
            names, is_partial = await self._organizations()
            found = await asyncio.gather(*map(self._effective, names))  # one call of the store
            default = await self._default()
        return self.console.page(
            request,
            "policies",
            visitor,
            listed=[(name, self._switches(one)) for name, one in zip(names, found, strict=True)],
            is_partial=is_partial,
            default=self._switches(default),
            has_default=default is not None,
            may_see_default=visitor.may_everywhere(Permission.IAM_POLICY_READ),
        )

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Show an organization's policy, and its history."""
        org_id = self._organization(request, visitor, Permission.POLICY_READ)
        policies = self.console.desks.policies
        async with StorePatience():
            policy, default = await self._effective(org_id), await self._default()
            own = await policies.store.load(org_id)
            changes = await policies.history(org_id, limit=_CHANGES)
        return self.console.page(
            request,
            "policy",
            visitor,
            org_id=org_id,
            switches=self._switches(policy, own),
            own=own,
            default=default,
            changes=changes,
            title=title,
            may_write=visitor.may(Permission.POLICY_WRITE, org_id),
            may_delete=visitor.may(Permission.POLICY_DELETE, org_id),
            may_list=visitor.caller.sees(Permission.POLICY_READ) is None,
        )

    async def show_default(self, request: Request, visitor: Visitor) -> Response:
        """Show the instance's default policy, and its history."""
        visitor.caller.permit_everywhere(Permission.IAM_POLICY_READ)
        async with StorePatience():
            default = await self._default()
            changes = await self.console.desks.policies.default_history(limit=_CHANGES)
        return self.console.page(
            request,
            "policy",
            visitor,
            org_id="",
            switches=self._switches(default, default),
            own=default,
            default=default,
            changes=changes,
            title=title,
            may_write=visitor.may_everywhere(Permission.IAM_POLICY_WRITE),
            may_delete=False,
            may_list=True,
        )

    async def set(self, request: Request, visitor: Visitor, fields: Mapping[str, str]) -> Response:
        """Set a switch of an organization's policy."""
        org_id = self._organization(request, visitor, Permission.POLICY_WRITE)
        policies, by, on = self.console.desks.policies, visitor.caller.id, self._asked(fields)

        async def write() -> Written:
            # To the letter of the API we mirror, what is not there cannot be updated.
            is_own = await policies.store.load(org_id) is not None
            return await (policies.update if is_own else policies.add)(org_id, on, by=by)

        await self._written(write)
        return back_to(link("policy", org_id))

    async def set_default(
        self, _: Request, visitor: Visitor, fields: Mapping[str, str]
    ) -> Response:
        """Set a switch of the default policy."""
        visitor.caller.permit_everywhere(Permission.IAM_POLICY_WRITE)
        policies, by, on = self.console.desks.policies, visitor.caller.id, self._asked(fields)

        async def write() -> Written:
            is_there = await self._default() is not None
            return await (policies.update_default if is_there else policies.add_default)(on, by=by)

        await self._written(write)
        return back_to(link("default-policy"))

    async def reset(self, request: Request, visitor: Visitor, _: Mapping[str, str]) -> Response:
        """Let the default count for an organization again."""
        org_id = self._organization(request, visitor, Permission.POLICY_DELETE)
        policies, by = self.console.desks.policies, visitor.caller.id
        await self._written(lambda: policies.reset(org_id, by=by))
        return back_to(link("policy", org_id))

    def _organization(self, request: Request, visitor: Visitor, permission: Permission) -> str:
        return visitor.caller.organization(request.path_params["org"], permission)

    def _asked(self, fields: Mapping[str, str]) -> Mapping[str, bool]:
        switch, on = fields.get("switch", ""), fields.get("on", "")
        if switch not in self.console.desks.switches or on not in {"true", "false"}:
            raise InvalidPolicy("expected a switch, and on: true or false")
        return {switch: on == "true"}

    async def _written(self, write: Callable[[], Awaitable[Written]]) -> None:
        observer = self.console.desks.observer
        try:
            async with StorePatience():
                written = await write()
        except DispatcherError as error:
            observer.policy_refused(error)
            raise
        observer.policy_written(written)

    def _switches(self, policy: Policy | None, own: Policy | None = None) -> Sequence[Switch]:
        decided = own.switches if own else {}
        return [
            Switch(name, title(name), bool(policy and policy.permits(name)), name in decided)
            for name in sorted(self.console.desks.switches, reverse=True)
        ]

    async def _effective(self, org_id: str) -> Policy | None:
        try:
            return await self.console.desks.policies.get(org_id)
        except PolicyNotFound:
            return None

    async def _default(self) -> Policy | None:
        try:
            return await self.console.desks.policies.get_default()
        except PolicyNotFound:
            return None

    async def _organizations(self) -> tuple[Sequence[str], bool]:
        names: list[str] = []
        async for name in self.console.log.organizations():
            if len(names) == _MOST_LISTED:
                return sorted(names), True
            names.append(name)
        return sorted(names), False


def title(switch: str) -> str:
    """Return a switch's name for people: ``passwordChange`` is a password change."""
    return _WORD.sub(" ", switch).capitalize()


def policy_pages(console: Console) -> Sequence[Route]:
    """Return the routes of policies."""
    pages = PolicyPages(console)
    return (
        Route("/policies", console.shown(pages.list)),
        Route("/policy/{org}", console.shown(pages.show)),
        Route("/policy/{org}", console.done("policy", pages.set), methods=["POST"]),
        Route("/policy/{org}/reset", console.done("reset", pages.reset), methods=["POST"]),
        Route("/default-policy", console.shown(pages.show_default)),
        Route("/default-policy", console.done("policy", pages.set_default), methods=["POST"]),
    )
