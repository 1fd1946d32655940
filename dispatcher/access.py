"""Who may do what: callers, their roles, and what each role permits.

Values only. The roles and permissions are those of the API we mirror, and a few of our own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from dispatcher.errors import MembershipNotFound, PermissionDenied, Unauthenticated


class Permission(StrEnum):
    """One thing that a caller may be permitted."""

    POLICY_READ = "policy.read"
    POLICY_WRITE = "policy.write"
    POLICY_DELETE = "policy.delete"
    IAM_POLICY_READ = "iam.policy.read"
    IAM_POLICY_WRITE = "iam.policy.write"
    EVENT_WRITE = "event.write"
    DELIVERY_READ = "delivery.read"
    DEAD_LETTER_WRITE = "dead_letter.write"


class Role(StrEnum):
    """A bundle of permissions; ``IAM_`` roles count for every organization, others for one."""

    IAM_OWNER = "IAM_OWNER"
    IAM_OWNER_VIEWER = "IAM_OWNER_VIEWER"
    IAM_ORG_MANAGER = "IAM_ORG_MANAGER"
    IAM_LOGIN_CLIENT = "IAM_LOGIN_CLIENT"
    IAM_EVENT_PUBLISHER = "IAM_EVENT_PUBLISHER"
    ORG_OWNER = "ORG_OWNER"
    ORG_OWNER_VIEWER = "ORG_OWNER_VIEWER"
    ORG_SETTINGS_MANAGER = "ORG_SETTINGS_MANAGER"
    ORG_USER_MANAGER = "ORG_USER_MANAGER"
    ORG_EVENT_PUBLISHER = "ORG_EVENT_PUBLISHER"

    @property
    def is_instance_wide(self) -> bool:
        """Tell whether the role counts for every organization."""
        return self.value.startswith("IAM_")


_P = Permission
_POLICY: Final = frozenset({_P.POLICY_READ, _P.POLICY_WRITE, _P.POLICY_DELETE})
_OWNED: Final = _POLICY | {_P.EVENT_WRITE, _P.DELIVERY_READ, _P.DEAD_LETTER_WRITE}
_VIEWED: Final = frozenset({_P.POLICY_READ, _P.DELIVERY_READ})

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.IAM_OWNER: frozenset(Permission),
    Role.IAM_OWNER_VIEWER: _VIEWED | {_P.IAM_POLICY_READ},
    Role.IAM_ORG_MANAGER: _OWNED,
    Role.IAM_LOGIN_CLIENT: frozenset({_P.POLICY_READ}),
    Role.IAM_EVENT_PUBLISHER: frozenset({_P.EVENT_WRITE}),
    Role.ORG_OWNER: _OWNED,
    Role.ORG_OWNER_VIEWER: _VIEWED,
    Role.ORG_SETTINGS_MANAGER: _POLICY,
    Role.ORG_USER_MANAGER: frozenset({_P.POLICY_READ}),
    Role.ORG_EVENT_PUBLISHER: frozenset({_P.EVENT_WRITE}),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever calls, authenticated.

    Args:
        id: What it is called in the audit: ``token:<its id>``, ``subject:<the issuer's>``.
        org_id: Its own organization; "" where it has none (an instance-wide caller may).
        roles: What it may do: in its organization, or everywhere for ``IAM_`` roles.
    """

    id: str
    org_id: str
    roles: frozenset[Role]

    def organization(self, requested: str, permission: Permission) -> str:
        """Return the organization a call is about: the requested one, else the caller's own.

        An instance-wide caller that has none and names none gets "": the policies refuse that.

        Args:
            requested: The ``x-zitadel-orgid`` header; "" when it was not given.
            permission: What the call needs there.

        Raises:
            MembershipNotFound: The caller has no role there, whether or not it exists.
            PermissionDenied: Its roles there do not permit this.
        """
        org_id = requested or self.org_id
        is_own = bool(org_id) and org_id == self.org_id
        roles = {role for role in self.roles if role.is_instance_wide or is_own}
        if not roles:
            raise MembershipNotFound("membership not found", id="AUTHZ-cdgFk")
        self._permit(roles, permission)
        return org_id

    def permit_everywhere(self, permission: Permission) -> None:
        """Check that the caller may do this to the instance as a whole.

        Raises:
            PermissionDenied: It may not.
        """
        self._permit({role for role in self.roles if role.is_instance_wide}, permission)

    def sees(self, permission: Permission) -> str | None:
        """Return whose records it may see: None for everyone's, else its own organization's id.

        Raises:
            PermissionDenied: Its roles do not permit this anywhere.
        """
        everywhere = {role for role in self.roles if role.is_instance_wide}
        if any(permission in PERMISSIONS[role] for role in everywhere):
            return None
        self._permit(set(self.roles), permission)
        return self.org_id

    def _permit(self, roles: set[Role], permission: Permission) -> None:
        if not any(permission in PERMISSIONS[role] for role in roles):
            raise PermissionDenied("No matching permissions found", id="AUTH-5mWD2")


def invalid_token() -> Unauthenticated:
    """Return the one answer to every token that is worth nothing, whatever the reason."""
    return Unauthenticated("Errors.Token.Invalid", id="AUTH-7fs1e")


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as it is kept: everything but the token itself.

    Args:
        id: Its public part: what it is listed, revoked and logged by.
        org_id: The organization it is for; "" for an instance-wide one.
        roles: What it permits.
        name: What people call it.
        created_at: When it was made.
        expires_at: From when on it is worth nothing; None for never.
        revoked_at: When it was revoked; None while it was not.
        last_used_at: When it was last used, to the minute; None for never.
        digest: SHA-256 of the whole token.
    """

    id: str
    org_id: str
    roles: frozenset[Role]
    name: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    digest: bytes = field(default=b"", repr=False)

    def is_valid(self, now: datetime) -> bool:
        """Tell whether the token is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class TokenStore(Protocol):
    """Keeps tokens' digests, never tokens.

    Every method raises :class:`~dispatcher.errors.StoreUnavailable`.
    """

    async def find(self, token_id: str) -> Token | None:
        """Return a token as it is now, but without its last use; None where there is none."""
        ...

    async def add(self, token: Token) -> None:
        """Keep a new token."""
        ...

    async def revoke(self, token_id: str, at: datetime) -> Token | None:
        """Revoke a token; return it, or None where there is none. The first revocation counts."""
        ...

    async def list(self) -> Sequence[Token]:
        """Return all tokens with their last use, oldest first."""
        ...

    async def touch(self, uses: Mapping[str, datetime]) -> None:
        """Note when tokens, by their ids, were last used."""
        ...
