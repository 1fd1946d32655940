"""Okta's users, by its Users API.

Source: "Users" and "Rate limits" in Okta's developer documentation.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from dispatcher.adapters.directory.entry import Entry, Kind, Question
from dispatcher.adapters.directory.fields import escaped, joined, language, part
from dispatcher.adapters.directory.replies import is_found
from dispatcher.connection import DirectoryAccess
from dispatcher.sources.hints import a_locale, a_name, an_address

_SCHEMES: Final = ("SSWS", "Bearer")
_INACTIVE: Final = frozenset({"SUSPENDED", "DEPROVISIONED"})
_NOT_FOUND: Final = "E0000007"


class Okta(Kind):
    """Asks with an API token, or with an OAuth access token."""

    kind = "okta"
    title = "Okta, with an API token"
    options: ClassVar[Mapping[str, str]] = {
        "scheme": "SSWS for an API token (the default), Bearer for an OAuth access token",
    }

    @classmethod
    def mistakes(cls, access: DirectoryAccess) -> Sequence[str]:
        """Return what is wrong with its options."""
        is_known = access.options.get("scheme", _SCHEMES[0]) in _SCHEMES
        return () if is_known else ("the option scheme must be SSWS or Bearer",)

    async def find(self, tenant: str, user_id: str) -> Entry | None:
        """Return what Okta says of a user; the tenant is the org's host, which is the URL's."""
        del tenant
        step = escaped(user_id)
        if step is None:
            return None
        scheme = self.access.options.get("scheme", _SCHEMES[0])
        headers = {"authorization": f"{scheme} {self.access.secret}"}
        answer = await self.ask(Question(f"/api/v1/users/{step}", headers))
        if not is_found(answer, is_nobody=answer.document.get("errorCode") == _NOT_FOUND):
            return None
        # Okta also finds by login, and takes "me" for the token's owner.
        return _entry(answer.document) if answer.document.get("id") == user_id else None


def _entry(user: Mapping[str, Any]) -> Entry:
    profile = part(user, "profile")
    called = profile.get("displayName") or joined(profile.get("firstName"), profile.get("lastName"))
    spoken = profile.get("preferredLanguage") or profile.get("locale")
    return Entry(
        address=an_address(profile.get("email")),
        name=a_name(called),
        locale=a_locale(language(spoken)),
        is_active=user.get("status") not in _INACTIVE,
    )
