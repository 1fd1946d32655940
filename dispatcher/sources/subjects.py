"""Who a security event is about: subject identifiers (RFC 9493) as they come, old shapes included.

Old shapes: ``subject_type`` in place of ``format``; no format at all; ``{"user": …}`` without
saying that it is complex.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from dispatcher.sources.hook import text

_ACCOUNT: Final = "acct:"
_EVERY_ID: Final = ("sub", "id", "uri", "url")
_IDS: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("uri",),
    "did": ("url",),
    "email": (),
    "id_token_claims": ("sub",),  # RISC, before RFC 9493
    "iss_sub": ("sub",),
    "jwt_id": (),  # a session
    "opaque": ("id",),
    "phone_number": (),
    "saml_assertion_id": (),  # a session
    "uri": ("uri",),
}
"""Format → the members that identify a user (RFC 9493 section 3.2); others may be anybody's."""

_WITH_EMAIL: Final = frozenset({"email", "id_token_claims", ""})
_COMPLEX: Final = frozenset({"user", "tenant"})


@dataclass(frozen=True, slots=True)
class Subject:
    """Who it is about, as far as the identifier tells.

    Args:
        id: The user's id; "" where it tells none.
        email: An address of theirs, or "".
        login_name: The name of their account, or "".
        issuer: Who gave the id, or "".
        tenant: The source's name for whose user it is, or "".
    """

    id: str = ""
    email: str = ""
    login_name: str = ""
    issuer: str = ""
    tenant: str = ""


def read(identifier: object) -> Subject:
    """Return whom a subject identifier names; nobody, where it is none."""
    if not isinstance(identifier, Mapping):
        return Subject()
    form = _format(identifier)
    if form == "complex" or (not form and _COMPLEX & identifier.keys()):
        return replace(_named(identifier.get("user")), tenant=_name(identifier.get("tenant")))
    return _named(identifier)


def _named(identifier: object) -> Subject:
    if not isinstance(identifier, Mapping) or _format(identifier) != "aliases":
        return _simple(identifier)
    aliases = identifier.get("identifiers")
    return _merged(_simple(each) for each in (aliases if isinstance(aliases, list) else ()))


def _simple(identifier: object) -> Subject:
    if not isinstance(identifier, Mapping):
        return Subject()
    form = _format(identifier)
    found = (text(identifier, member) for member in _IDS.get(form, _EVERY_ID))
    user_id = next(filter(None, found), "")
    account = user_id.removeprefix(_ACCOUNT) if user_id.startswith(_ACCOUNT) else ""
    return Subject(
        id=account or user_id,
        email=text(identifier, "email") if form in _WITH_EMAIL or form not in _IDS else "",
        login_name=account,
        issuer=text(identifier, "iss") if user_id else "",
    )


def _merged(aliases: Iterable[Subject]) -> Subject:
    """Return one subject of several that are the same person: the first to tell a thing tells it.

    An id and its issuer belong together.
    """
    each = list(aliases)
    identified = next((alias for alias in each if alias.id), Subject())
    email = next((alias.email for alias in each if alias.email), "")
    return replace(identified, email=email)


def _name(identifier: object) -> str:
    named = _simple(identifier)
    return named.id or named.email


def _format(identifier: Mapping[str, object]) -> str:
    form = text(identifier, "format") or text(identifier, "subject_type")
    return form.lower().replace("-", "_")
