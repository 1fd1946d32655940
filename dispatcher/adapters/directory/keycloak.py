"""Keycloak's users, by its admin API, as a client's service account.

Source: UserResource and UserRepresentation in Keycloak's repository; RFC 6749 section 4.4.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from dispatcher.adapters.directory.entry import Answer, Ask, Entry, Kind, Question
from dispatcher.adapters.directory.fields import escaped, items, joined, part
from dispatcher.adapters.directory.replies import is_found
from dispatcher.connection import DirectoryAccess
from dispatcher.errors import DirectoryRefused, DirectoryUnavailable
from dispatcher.sources.hints import a_locale, a_name, an_address

_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
_FINE: Final = 200
_NOT_FOUND: Final = 404
_USUAL_AGE: Final = 60.0
_MARGIN: Final = 10.0
_NO_USER: Final = "user not found"

Token = tuple[str, float]
"""An access token, and until when it is used."""


class Keycloak(Kind):
    """Asks with a token that it gets for each realm, and replaces before that ends."""

    kind = "keycloak"
    title = "Keycloak, with a confidential client's secret"
    options: ClassVar[Mapping[str, str]] = {
        "client_id": "the client with the service account; required",
        "realm": "the realm whose users are looked up; by default the tenant of the event",
        "token_realm": "the realm that the client is of; by default that of the users",
    }

    def __init__(
        self, access: DirectoryAccess, ask: Ask, seconds: Callable[[], float] = monotonic
    ) -> None:
        super().__init__(access, ask)
        self._seconds = seconds
        self._tokens: dict[str, Token] = {}
        self._getting: dict[str, asyncio.Lock] = {}

    @classmethod
    def mistakes(cls, access: DirectoryAccess) -> Sequence[str]:
        """Return what is wrong with its options: somebody has to be the client."""
        return () if access.options.get("client_id") else ("the option client_id is required",)

    async def find(self, tenant: str, user_id: str) -> Entry | None:
        """Return what Keycloak says of a user of that realm."""
        realm = self.access.options.get("realm") or tenant
        realm_step, step = escaped(realm), escaped(user_id)
        if realm_step is None:
            raise DirectoryRefused("the event names no realm: set the directory's option realm")
        if step is None:
            return None
        answer = await self._asked(realm, f"/admin/realms/{realm_step}/users/{step}")
        if not is_found(answer, is_nobody=_is_nobody(answer.document)):
            return None
        return _entry(answer.document) if answer.document.get("id") == user_id else None

    async def _asked(self, realm: str, path: str) -> Answer:
        client_realm = self.access.options.get("token_realm") or realm
        token = await self._token(client_realm)
        try:
            return await self.ask(Question(path, _bearer(token)))
        except DirectoryRefused:  # Keycloak may have forgotten it, as when its keys are replaced
            if self._tokens.get(client_realm, ("", 0.0))[0] == token:
                del self._tokens[client_realm]
            return await self.ask(Question(path, _bearer(await self._token(client_realm))))

    async def _token(self, realm: str) -> str:
        async with self._getting.setdefault(realm, asyncio.Lock()):
            token, until = self._tokens.get(realm, ("", 0.0))
            if self._seconds() >= until:
                token, until = self._tokens[realm] = await self._new_token(realm)
            return token

    async def _new_token(self, realm: str) -> Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.access.options["client_id"],
            "client_secret": self.access.secret,
        }
        path = f"/realms/{escaped(realm)}/protocol/openid-connect/token"
        answer = await self.ask(Question(path, _FORM, urlencode(form).encode()))
        if answer.status == _NOT_FOUND:
            raise DirectoryRefused("there is no such realm: options realm, token_realm and the URL")
        if answer.status != _FINE:
            raise DirectoryRefused(f"no token for the client: {_error(answer.document)}")
        token, age = answer.document.get("access_token"), answer.document.get("expires_in")
        if not (isinstance(token, str) and token and token.isascii() and token.isprintable()):
            raise DirectoryUnavailable("the answer holds no access token")
        lasts = float(age) if isinstance(age, int) else _USUAL_AGE
        return token, self._seconds() + max(lasts - _MARGIN, lasts / 2)


def _bearer(token: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {token}"}


def _error(document: Mapping[str, Any]) -> str:
    """Return RFC 6749's word for what was wrong; one that is none may be anything."""
    word = document.get("error")
    known = isinstance(word, str) and word.isascii() and word.replace("_", "").isalpha()
    return str(word)[:40] if known else "it is refused"


def _entry(user: Mapping[str, Any]) -> Entry:
    verified = user.get("emailVerified")
    return Entry(
        address=an_address(user.get("email")),
        is_verified=verified if isinstance(verified, bool) else None,
        name=a_name(joined(user.get("firstName"), user.get("lastName"))),
        locale=a_locale(next(iter(items(part(user, "attributes"), "locale")), None)),
        is_active=user.get("enabled") is not False,
        is_person=not user.get("serviceAccountClientId"),
    )


def _is_nobody(document: Mapping[str, Any]) -> bool:
    """Tell whether it is the user that was not found, and not the realm, or the address."""
    return str(document.get("error")).strip().casefold() == _NO_USER
