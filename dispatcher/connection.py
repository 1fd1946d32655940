"""A connection: one IAM that tells us things, what it must prove, and for whom it may speak."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self
from urllib.parse import quote, unquote

ANY: Final = "*"
"""Among a connection's organizations: it may speak for every one, each under its own id."""

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_PATH: Final = "hooks/"
_PEM: Final = "-----BEGIN "


def is_name(text: str) -> bool:
    """Tell whether *text* can name a connection: 1-40 of a-z, 0-9 and hyphens between."""
    return _NAME.fullmatch(text) is not None


def is_private_key(secret: str) -> bool:
    """Tell whether a secret is a private key, in PEM, rather than one that both sides have."""
    return secret.lstrip().startswith(_PEM)


@dataclass(frozen=True, slots=True)
class DirectoryAccess:
    """Where a connection's users are looked up, and as whom.

    Args:
        kind: The kind of directory.
        url: Its base, https.
        secret: What opens it: a token, or a client's secret.
        options: What that kind needs besides, such as a client's id.
        is_truth: Whether it is asked even where the event names an address.
    """

    kind: str
    url: str
    secret: str = field(default="", repr=False)
    options: Mapping[str, str] = field(default_factory=dict)
    is_truth: bool = False


@dataclass(frozen=True, slots=True)
class Connection:
    """One IAM's way in.

    Args:
        name: Its name, in its address ``/hooks/<name>`` and in metrics.
        kind: The kind of source.
        organizations: Whose events it may bring under their own ids; ``*`` for all.
        tenants: The source's name for a tenant → our organization's id.
        organization: Whose the events are that name no tenant; "" refuses them.
        secrets: Any of them proves a call; several count while one is replaced.
        options: What that kind needs besides, such as an issuer.
        directory: Where its users are looked up; None where only the event is asked.
        secret_times: When each secret came, in their order, aware UTC; () where nobody knows.
        changed_at: When it last changed, aware UTC.
        is_fixed: Whether it is of the settings file: no command changes it.
    """

    name: str
    kind: str
    organizations: frozenset[str] = frozenset()
    tenants: Mapping[str, str] = field(default_factory=dict)
    organization: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    options: Mapping[str, str] = field(default_factory=dict)
    directory: DirectoryAccess | None = None
    secret_times: tuple[datetime, ...] = ()
    changed_at: datetime | None = field(default=None, compare=False)
    is_fixed: bool = field(default=False, compare=False)

    def organization_of(self, tenant: str) -> str | None:
        """Return whose events those of a tenant are; None where this may not speak for it.

        Args:
            tenant: The source's name for it; "" where the event names none.
        """
        if not tenant:
            return self.organization or None
        mapped = self.tenants.get(tenant)
        if mapped is not None:
            return mapped
        return tenant if tenant in self.organizations or ANY in self.organizations else None

    def newest_secrets(self) -> tuple[str, ...]:
        """Return the newest secret of each sort: a private key does not replace a shared one."""
        first = {is_private_key(secret): secret for secret in reversed(self.secrets)}
        return tuple(secret for secret in self.secrets if secret in first.values())


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an event came in: CloudEvents' source of those that connections bring.

    Args:
        connection: The connection's name.
        tenant: The source's name for the tenant; "" where it names none.
    """

    connection: str
    tenant: str = ""

    def __str__(self) -> str:
        """Return it as a relative URI."""
        tenant = f"/{quote(self.tenant, safe='')}" if self.tenant else ""
        return f"{_PATH}{self.connection}{tenant}"

    @classmethod
    def parse(cls, source: str | None) -> Self | None:
        """Return the origin that a source describes; None where it is no connection's."""
        if source is None or not source.startswith(_PATH):
            return None
        name, _, tenant = source.removeprefix(_PATH).partition("/")
        return cls(name, unquote(tenant)) if is_name(name) else None
