"""The gate: who calls, and may they? One for every transport."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from dispatcher.access import Caller, Permission
from dispatcher.errors import Unauthenticated, UntrustedEvent


@dataclass(frozen=True, slots=True)
class Call:
    """What the gate needs to know of a call.

    Args:
        authorization: The ``authorization`` header or metadata; None where there is none.
        org_id: The organization asked for by ``x-zitadel-orgid``; "" where none is.
        address: The client's network address; "" where it is not known.
        forwarded: The ``x-forwarded-for`` header; believed only where a trusted proxy brings it.
    """

    authorization: str | None
    org_id: str = ""
    address: str = ""
    forwarded: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who was let through, and the organization the call is about ("" for the instance)."""

    caller: Caller
    org_id: str = ""


class Authenticator(Protocol):
    """Knows callers by what they bring."""

    async def authenticate(self, authorization: str | None) -> Caller:
        """Return the caller.

        Raises:
            Unauthenticated: There is no valid token.
            StoreUnavailable: Whether there is cannot be found out now.
            IssuerUnavailable: The same, for the token of an issuer.
        """
        ...


class RateLimits(Protocol):
    """Counts calls."""

    async def before(self, call: Call) -> None:
        """Let a call through to authentication, or not.

        Raises:
            RateLimited: Its address failed too often.
        """
        ...

    async def refused(self, call: Call) -> None:
        """Count a call that brought nothing valid."""
        ...

    async def after(self, call: Call, caller: Caller) -> None:
        """Count a call of a known caller.

        Raises:
            RateLimited: There were too many.
        """
        ...


class NoRateLimits:
    """Lets everybody call as often as they like."""

    async def before(self, call: Call) -> None:
        """Count nothing."""

    async def refused(self, call: Call) -> None:
        """Count nothing."""

    async def after(self, call: Call, caller: Caller) -> None:
        """Count nothing."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets calls through, or says why not.

    Args:
        authenticator: Knows the callers.
        limits: Counts their calls.
    """

    authenticator: Authenticator
    limits: RateLimits

    async def caller(self, call: Call) -> Caller:
        """Return who calls.

        Raises:
            Unauthenticated: Nobody we know.
            RateLimited: They call too often.
            StoreUnavailable: It cannot be found out now.
            IssuerUnavailable: The same, for the token of an issuer.
        """
        return await self.let_in(call, lambda: self.authenticator.authenticate(call.authorization))

    async def let_in(self, call: Call, recognize: Callable[[], Awaitable[Caller]]) -> Caller:
        """Return whom *recognize* recognizes, within the limits.

        Raises:
            RateLimited: They call too often.
            Unauthenticated: What *recognize* raises, counted; likewise an UntrustedEvent.
        """
        await self.limits.before(call)
        try:
            caller = await recognize()
        except (Unauthenticated, UntrustedEvent):
            await self.limits.refused(call)
            raise
        await self.limits.after(call, caller)
        return caller

    async def organization(self, call: Call, permission: Permission) -> Grant:
        """Return the grant for a call about one organization: the requested, or the caller's own.

        Raises:
            AccessError: The caller is unknown, calls too often, or may not.
            StoreUnavailable: It cannot be found out now.
        """
        caller = await self.caller(call)
        return Grant(caller, caller.organization(call.org_id, permission))

    async def instance(self, call: Call, permission: Permission) -> Grant:
        """Return the grant for a call about the instance as a whole.

        Raises:
            AccessError: The caller is unknown, calls too often, or may not.
            StoreUnavailable: It cannot be found out now.
        """
        caller = await self.caller(call)
        caller.permit_everywhere(permission)
        return Grant(caller)
