"""Signing in with a token, or over there at the issuer; and out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatcher.access import Caller
from dispatcher.errors import AccessError, PermissionDenied, RateLimited, Unauthenticated
from dispatcher.web.console.desk import Console, back_to
from dispatcher.web.console.forms import expect_own_page, fields_of
from dispatcher.web.console.views import PLACES
from dispatcher.web.console.visits import Grant, Renewals, Visitor, opened
from dispatcher.web.requests import call_of

_HOME: Final = "/console/"
_SIGN_IN: Final = "/console/sign-in"
_log: Final = structlog.get_logger("dispatcher.web")


class SingleSignOn(Renewals, Protocol):
    """Signs people in somewhere else."""

    async def redirect(self, request: Request) -> Response:
        """Return the way there.

        Raises:
            IssuerUnavailable: It does not answer.
        """
        ...

    async def grant(self, request: Request) -> Grant:
        """Return what whoever comes back presents.

        Raises:
            Unauthenticated: They were not signed in, or not by us.
            IssuerUnavailable: It does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class SignInPages:
    """Signs people in and out.

    Args:
        console: What pages are made from.
        sso: The issuer's sign-in; None where none is configured.
    """

    console: Console
    sso: SingleSignOn | None

    async def show(self, request: Request) -> Response:
        """Show the form."""
        return self._form(request, request.query_params.get("next", ""))

    async def enter(self, request: Request) -> Response:
        """Sign in with a token."""
        expect_own_page(request)
        fields = await fields_of(request)
        wanted = fields.get("next", "")
        try:
            return await self._enter(request, Grant(fields.get("token", "").strip()), wanted)
        except Unauthenticated:
            problem = "This token is worth nothing: unknown, mistyped, expired or revoked."
        except PermissionDenied as error:
            problem = str(error)
        except RateLimited as error:
            wait = max(1, round(error.retry_after))
            problem = f"Too many attempts from your address: try again in {wait} s."
            return self._form(request, wanted, problem, status=429)
        return self._form(request, wanted, problem, status=401)

    async def leave(self, request: Request) -> Response:
        """Sign out."""
        expect_own_page(request)
        await self.console.doorkeeper.leave(request)
        return back_to(f"{_SIGN_IN}?left=1")

    async def go(self, request: Request) -> Response:
        """Send the browser to the issuer."""
        sso, gate, call = self._single_sign_on(), self.console.doorkeeper.gate, call_of(request)
        await gate.limits.before(call)
        await gate.limits.refused(call)  # until the issuer says otherwise
        await opened(request)
        request.session["next"] = _within(request.query_params.get("next", ""))
        return await sso.redirect(request)

    async def come_back(self, request: Request) -> Response:
        """Sign in whom the issuer sends back."""
        await opened(request)
        wanted = request.session.get("next", "")
        try:
            grant = await self._single_sign_on().grant(request)
            return await self._enter(request, grant, wanted)
        except AccessError as error:
            _log.info("sign-in refused", reason=str(error))
            return self._form(request, wanted, str(error), status=401)

    async def _enter(self, request: Request, grant: Grant, wanted: str) -> Response:
        caller = await self.console.doorkeeper.enter(request, grant)
        if not any(place.is_open_to(Visitor(caller, "")) for place in PLACES):
            await self.console.doorkeeper.leave(request)
            raise PermissionDenied(f"{_named(caller)} may see nothing here.")
        _log.info("signed in", by=caller.id)
        return back_to(_within(wanted))

    def _form(
        self, request: Request, wanted: str, problem: str = "", *, status: int = 200
    ) -> Response:
        return self.console.views.page(
            request,
            "sign_in",
            status=status,
            problem=problem,
            wanted=_within(wanted),
            has_sso=self.sso is not None,
            has_left="left" in request.query_params,
        )

    def _single_sign_on(self) -> SingleSignOn:
        if self.sso is None:
            raise PermissionDenied("no issuer is configured to sign in at", id="SSO-none")
        return self.sso


def _named(caller: Caller) -> str:
    return f"The role {', '.join(sorted(caller.roles))}" if caller.roles else "Without a role you"


def _within(wanted: str) -> str:
    """Return where to go after signing in: a page of the console, and nowhere else."""
    parts = urlsplit(wanted)
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(_HOME)
    is_plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    is_ours = is_ours and ".." not in parts.path.split("/")
    return wanted if is_ours and is_plain and not parts.path.startswith(_SIGN_IN) else _HOME


def sign_in_pages(console: Console, sso: SingleSignOn | None) -> Sequence[Route]:
    """Return the routes of signing in and out."""
    pages = SignInPages(console, sso)
    return (
        Route("/sign-in", pages.show),
        Route("/sign-in", pages.enter, methods=["POST"]),
        Route("/sign-in/issuer", pages.go),
        Route("/sign-in/callback", pages.come_back),
        Route("/sign-out", pages.leave, methods=["POST"]),
    )
