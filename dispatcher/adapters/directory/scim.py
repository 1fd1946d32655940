"""Users of whatever speaks SCIM 2.0 (RFC 7643, RFC 7644)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import quote

from dispatcher.adapters.directory.entry import Entry, Kind, Question
from dispatcher.adapters.directory.fields import escaped, items, joined, language, part
from dispatcher.adapters.directory.replies import is_found
from dispatcher.connection import DirectoryAccess
from dispatcher.errors import DirectoryUnavailable
from dispatcher.sources.hints import a_locale, a_name, an_address

_ID: Final = "id"
_MATCHES: Final = (_ID, "externalId", "userName")
_ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"  # RFC 7644 section 3.12


class Scim(Kind):
    """Asks for a user by id, or finds the one with that ``externalId`` or ``userName``."""

    kind = "scim"
    title = "any SCIM 2.0 service, with a bearer token"
    options: ClassVar[Mapping[str, str]] = {
        "match": "which attribute the event's user id is: id (the default), externalId or userName",
    }

    @classmethod
    def mistakes(cls, access: DirectoryAccess) -> Sequence[str]:
        """Return what is wrong with its options."""
        is_known = access.options.get("match", _ID) in _MATCHES
        return () if is_known else (f"the option match must be one of {', '.join(_MATCHES)}",)

    async def find(self, tenant: str, user_id: str) -> Entry | None:
        """Return what the service says of a user; its URL says whose users it has."""
        del tenant
        match = self.access.options.get("match", _ID)
        user = await (self._by_id(user_id) if match == _ID else self._by(match, user_id))
        return _entry(user) if user is not None and _is(user.get(match), user_id, match) else None

    async def _by_id(self, user_id: str) -> Mapping[str, Any] | None:
        step = escaped(user_id)
        if step is None:
            return None
        answer = await self.ask(Question(f"/Users/{step}", self._headers()))
        is_nobody = _ERROR in items(answer.document, "schemas")
        return answer.document if is_found(answer, is_nobody=is_nobody) else None

    async def _by(self, match: str, user_id: str) -> Mapping[str, Any] | None:
        # RFC 7644 section 3.4.2.2: values in filters are JSON strings.
        text = quote(f"{match} eq {json.dumps(user_id)}", safe="")
        answer = await self.ask(Question(f"/Users?filter={text}&count=2", self._headers()))
        is_found(answer, is_nobody=False)
        found = items(answer.document, "Resources")
        if len(found) > 1:
            raise DirectoryUnavailable(f"the directory knows several users of one {match}")
        return part(found[0]) if found else None

    def _headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.access.secret}", "accept": "application/scim+json"}


def _is(said: object, user_id: str, match: str) -> bool:
    if not isinstance(said, str):
        return False
    # RFC 7643 section 4.1.1: a userName is the same in any case.
    return said.casefold() == user_id.casefold() if match == "userName" else said == user_id


def _entry(user: Mapping[str, Any]) -> Entry:
    name = part(user, "name")
    full = name.get("formatted") or joined(name.get("givenName"), name.get("familyName"))
    spoken = user.get("preferredLanguage") or user.get("locale")
    return Entry(
        address=an_address(_first(items(user, "emails"))),
        name=a_name(user.get("displayName") or full),
        locale=a_locale(language(spoken)),
        is_active=user.get("active") is not False,
    )


def _first(emails: Sequence[Any]) -> object:
    """Return the primary address, else one for work, else the first."""
    known = [part(each) for each in emails]
    best = min(known, key=_rank, default={})
    return best.get("value")


def _rank(email: Mapping[str, Any]) -> tuple[bool, bool]:
    return email.get("primary") is not True, email.get("type") != "work"
