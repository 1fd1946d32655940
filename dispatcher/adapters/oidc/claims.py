"""What an access token's claims mean here: whose it is, in which organization, in which roles."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dispatcher.access import Caller, Role
from dispatcher.errors import ConfigError

_ORG_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONGEST_SUBJECT: Final = 255
"""Characters: OpenID Connect Core section 2."""

_ROLES: Final = {role.value: role for role in Role}


def parse_role_map(text: str) -> Mapping[str, Role]:
    """Return which role each value of the claim stands for; by default the roles' own names.

    Args:
        text: ``value=ROLE`` pairs, separated by commas.

    Raises:
        ConfigError: It is nothing of the kind.
    """
    if not text.strip():
        return _ROLES
    roles = {}
    for pair in text.split(","):
        value, is_pair, name = (part.strip() for part in pair.rpartition("="))
        if not is_pair or not value or name not in _ROLES:
            raise ConfigError(
                "DISPATCHER_OIDC_ROLE_MAP: expected value=ROLE pairs, separated by commas, such as "
                f"notify-admin=ORG_OWNER; the roles are {', '.join(_ROLES)}"
            )
        roles[value] = _ROLES[name]
    return roles


@dataclass(frozen=True, slots=True)
class ClaimsMap:
    """Says which claims to read.

    A claim is named by its own name, or by a path with dots into nested objects.

    Args:
        roles_claim: The roles: one name, a list of names, or an object whose keys are names and
            whose values, where they are objects, have the organizations it counts in as keys.
        org_claim: The organization.
        role_map: Which role each name stands for; others stand for none.
    """

    roles_claim: str
    org_claim: str
    role_map: Mapping[str, Role] = field(default_factory=lambda: _ROLES)

    def caller(self, claims: Mapping[str, Any]) -> Caller | None:
        """Return whom the claims are about; None where they do not say."""
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
            return None
        if not subject.isprintable():
            return None
        org_id = self._organization(claims)
        return Caller(f"subject:{subject}", org_id, self._roles(claims, org_id))

    def _organization(self, claims: Mapping[str, Any]) -> str:
        found = _at(claims, self.org_claim)
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        return found if isinstance(found, str) and _ORG_ID.fullmatch(found) else ""

    def _roles(self, claims: Mapping[str, Any], org_id: str) -> frozenset[Role]:
        found = _at(claims, self.roles_claim)
        names = (
            _granted(found, org_id)
            if isinstance(found, dict)
            else [found]
            if isinstance(found, str)
            else found
        )
        if not isinstance(names, Collection):
            return frozenset()
        return frozenset(
            self.role_map[name] for name in names if isinstance(name, str) and name in self.role_map
        )


def _granted(roles: Mapping[str, Any], org_id: str) -> Sequence[str]:
    """Return the roles that count in the organization."""
    return [
        name
        for name, organizations in roles.items()
        if not isinstance(organizations, dict) or org_id in organizations
    ]


def _at(claims: Mapping[str, Any], name: str) -> object:
    """Return a claim: by its very name, for many have dots in it, else by its path."""
    if name in claims:
        return claims[name]
    found: object = claims
    for step in name.split("."):
        if not isinstance(found, dict) or step not in found:
            return None
        found = found[step]
    return found
