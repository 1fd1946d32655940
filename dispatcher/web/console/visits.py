"""Who looks at the console: signed in once, known again at each request, gone at once."""

import json
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from starlette.requests import Request
from starsessions import load_session, regenerate_session_id
from starsessions.session import get_session_handler

from dispatcher.access import Caller, Permission, Role
from dispatcher.errors import PermissionDenied, StoreUnavailable, Unauthenticated
from dispatcher.ports import Clock
from dispatcher.tokens import PREFIX, Tokens
from dispatcher.web.console.sessions import COOKIE, LONGEST
from dispatcher.web.gate import Gate
from dispatcher.web.patience import StorePatience
from dispatcher.web.requests import call_of

_ROLES: Final = {role.value: role for role in Role}
_TOKEN_ID: Final = "token:"  # noqa: S105 - what a caller's id begins with


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever looks, with what they may.

    Args:
        caller: The same as at the API.
        key: What this session's forms are signed with.
    """

    caller: Caller
    key: str

    def may(self, permission: Permission, org_id: str = "") -> bool:
        """Tell whether they may do this: to that organization, or to any at all where none is."""
        try:
            own = self.caller.sees(permission)
        except PermissionDenied:
            return False
        return own is None or not org_id or own == org_id

    def may_everywhere(self, permission: Permission) -> bool:
        """Tell whether they may do this to the instance as a whole."""
        try:
            self.caller.permit_everywhere(permission)
        except PermissionDenied:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody presents.

    Args:
        token: A token of ours, or an issuer's access token.
        renewal: What the issuer gives the next one for; "" where it does not.
    """

    token: str = field(repr=False)
    renewal: str = field(default="", repr=False)


class Renewals(Protocol):
    """Gives the next access token."""

    async def renew(self, renewal: str) -> Grant:
        """Return it, and what the one after it is given for.

        Raises:
            Unauthenticated: The issuer gives none any more.
            IssuerUnavailable: It does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Lets people in, and knows them again.

    A session keeps no access token: of ours only its id, and whether that is still worth something
    is asked each time; of an issuer's who presented it, until it would have expired. Then the
    issuer is asked for the next one, and so whether that person may still come in.

    Args:
        gate: Knows callers by their tokens, and how often they may try.
        tokens: Our own tokens.
        clock: Tells when a session ends.
        renewals: Gives an issuer's next access token; None where nobody signs in at one.
    """

    gate: Gate
    tokens: Tokens
    clock: Clock
    renewals: Renewals | None = None

    async def enter(self, request: Request, grant: Grant) -> Caller:
        """Begin a session for whoever presents a token.

        Raises:
            Unauthenticated: It is worth nothing.
            RateLimited: They tried too often.
            StoreUnavailable: Whether it is worth something cannot be found out now.
            IssuerUnavailable: The same, for an issuer's token.
        """
        async with StorePatience():
            caller = await self.gate.caller(
                replace(call_of(request), authorization=f"Bearer {grant.token}")
            )
        await self.leave(request)
        regenerate_session_id(request)  # an id that somebody else may have planted is worth nothing
        until = self.clock.now() + LONGEST
        request.session.update({"until": until.timestamp(), "key": secrets.token_urlsafe()})
        _keep(request, caller, grant)
        return caller

    async def visitor(self, request: Request) -> Visitor:
        """Return who makes a request.

        Raises:
            Unauthenticated: There is no session, or none any more.
            RateLimited: They call too often.
            StoreUnavailable: It cannot be found out now.
        """
        async with StorePatience():
            await opened(request)
        kept = request.session
        if "until" not in kept:
            raise Unauthenticated("there is no session")
        try:
            await self._renew(request, kept)
            # Whoever is signed in is let through though a neighbour's tries are refused.
            call = replace(call_of(request), authorization=request.cookies.get(COOKIE))
            async with StorePatience():
                caller = await self.gate.let_in(call, lambda: self._known(kept))
        except Unauthenticated:
            request.session.clear()
            raise
        return Visitor(caller, kept["key"])

    async def leave(self, request: Request) -> None:
        """End the session, if there is one.

        Raises:
            StoreUnavailable: The store did not answer; it may go on.
        """
        async with StorePatience():
            await opened(request)
            await get_session_handler(request).destroy()
        request.session.clear()

    async def _renew(self, request: Request, kept: Mapping[str, Any]) -> None:
        """See to it that what is kept still counts; a glance changes nothing.

        Raises:
            Unauthenticated: It does not.
        """
        now = self.clock.now().timestamp()
        if now >= kept["until"]:
            raise Unauthenticated("the session has ended")
        if kept["fresh"] is None or now < kept["fresh"]:
            return
        if not kept["renewal"] or self.renewals is None or not _can_keep(request):
            raise Unauthenticated("the access token has expired")
        grant = await self.renewals.renew(kept["renewal"])
        async with StorePatience():
            caller = await self.gate.authenticator.authenticate(f"Bearer {grant.token}")
        if caller.id != kept["id"]:
            raise Unauthenticated("the next access token is somebody else's")
        _keep(request, caller, grant)

    async def _known(self, kept: Mapping[str, Any]) -> Caller:
        if kept["token"]:
            return await self.tokens.resume(kept["token"])
        roles = frozenset(_ROLES[role] for role in kept["roles"] if role in _ROLES)
        return Caller(kept["id"], kept["org"], roles)


def _keep(request: Request, caller: Caller, grant: Grant) -> None:
    """Keep who somebody is, and for how long that counts without asking."""
    of_ours = caller.id.startswith(_TOKEN_ID)
    request.session.update(
        {
            "token": caller.id.removeprefix(_TOKEN_ID) if of_ours else "",
            "id": caller.id,
            "org": caller.org_id,
            "roles": sorted(caller.roles),
            "fresh": _expiry(grant.token),
            "renewal": grant.renewal,
        }
    )


def _can_keep(request: Request) -> bool:
    """Tell whether what changes in the session is kept: not of one that is only glanced at."""
    return "session_handler" in request.scope


async def opened(request: Request) -> None:
    """Have the session at hand; one that is only glanced at is there already."""
    if not _can_keep(request):
        return
    try:
        await load_session(request)
    except StoreUnavailable:
        get_session_handler(request).is_loaded = False  # else it would be saved
        raise


def _expiry(text: str) -> float | None:
    """Return when a verified access token ends, in seconds since 1970.

    None for a token of ours, which is asked about each time.
    """
    if text.startswith(PREFIX):
        return None
    claims = text.split(".")[1]
    found = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return float(found["exp"])
