"""ZITADEL's users, by its user service in version 2.

Source: proto/zitadel/user/v2 in ZITADEL's repository. What is false may be missing in its JSON.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dispatcher.adapters.directory.entry import Ask, Entry, Kind, Question
from dispatcher.adapters.directory.fields import escaped, items, joined, part
from dispatcher.adapters.directory.replies import is_found
from dispatcher.adapters.directory.together import Together
from dispatcher.connection import DirectoryAccess
from dispatcher.sources.hints import a_locale, a_name, an_address

_USERS: Final = "/v2/users"
_MOST: Final = 50
_FINE: Final = 200
_INACTIVE: Final = frozenset({"USER_STATE_INACTIVE", "USER_STATE_DELETED"})
_NOT_FOUND: Final = frozenset({5, "not_found"})
_NO_ROUTE: Final = "not found"

User = Mapping[str, Any]


class Zitadel(Kind):
    """Asks for many users in one question, and again for who is not in its answer.

    Lists leave out whom the token may not see; only the question for the very one tells that from
    a user whom there is not.
    """

    kind = "zitadel"
    title = "ZITADEL, with a service user's personal access token"
    takes_unverified = False  # as ZITADEL itself: it tells of a change at verified addresses only

    def __init__(self, access: DirectoryAccess, ask: Ask) -> None:
        super().__init__(access, ask)
        self._headers = {
            "authorization": f"Bearer {access.secret}",
            "content-type": "application/json",
        }
        self._together = Together(self._users, most=_MOST)

    async def find(self, tenant: str, user_id: str) -> Entry | None:
        """Return what ZITADEL says of a user of that organization; of any, where none is named."""
        user = await self._together.find(user_id) or await self._user(user_id)
        if user is None or (tenant and _owner(user) not in {tenant, ""}):
            return None
        return _entry(user)

    async def close(self) -> None:
        """Ask nothing any more."""
        await self._together.close()

    async def _users(self, ids: Sequence[str]) -> Mapping[str, User]:
        if len(ids) == 1:
            return {}
        question = {
            "query": {"limit": len(ids)},
            "queries": [{"inUserIdsQuery": {"userIds": ids}}],
        }
        answer = await self.ask(Question(_USERS, self._headers, json.dumps(question).encode()))
        if answer.status != _FINE:
            return {}
        found = (part(each) for each in items(answer.document, "result"))
        return {str(each.get("userId")): each for each in found}

    async def _user(self, user_id: str) -> User | None:
        step = escaped(user_id)
        if step is None:
            return None
        answer = await self.ask(Question(f"{_USERS}/{step}", self._headers))
        if not is_found(answer, is_nobody=_is_nobody(answer.document)):
            return None
        user = part(answer.document, "user")
        if user.get("userId") != user_id:
            return None
        return {"details": part(answer.document, "details"), **user} if not _owner(user) else user


def _owner(user: User) -> str:
    return str(part(user, "details").get("resourceOwner") or "")


def _entry(user: User) -> Entry:
    profile, email = part(user, "human", "profile"), part(user, "human", "email")
    called = profile.get("displayName") or joined(
        profile.get("givenName"), profile.get("familyName")
    )
    return Entry(
        address=an_address(email.get("email")),
        is_verified=email.get("isVerified") is True,
        name=a_name(called),
        locale=a_locale(profile.get("preferredLanguage")),
        is_active=user.get("state") not in _INACTIVE,
        is_person="machine" not in user,
    )


def _is_nobody(document: Mapping[str, Any]) -> bool:
    """Tell whether it is a user that was not found, and not the address of the API."""
    code, message = document.get("code"), document.get("message")
    known = code in _NOT_FOUND if isinstance(code, int | str) else False
    return known and isinstance(message, str) and message.strip().casefold() != _NO_ROUTE
