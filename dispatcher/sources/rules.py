"""What every connection must keep to, whoever sets it up: all mistakes are named at once."""

from collections.abc import Iterator, Sequence
from typing import Final

from dispatcher.connection import ANY, Connection, is_name
from dispatcher.sources import discover, fetching
from dispatcher.sources.native import valid_org_id

MOST_SECRETS: Final = 5
"""Each is tried on every call."""

_LONGEST: Final = 256
"""Characters of a tenant's name."""

_ORGANIZATION: Final = "expected an organization's id, 1-64 characters of A-Za-z0-9._-"


def mistakes(connection: Connection) -> Sequence[str]:
    """Return what is wrong with a connection, but for its directory."""
    return [*_name(connection), *_organizations(connection), *_kind(connection)]


def _name(connection: Connection) -> Iterator[str]:
    if not is_name(connection.name):
        yield "the name: expected 1-40 characters of a-z, 0-9 and hyphens between"


def _organizations(connection: Connection) -> Iterator[str]:
    for org_id in sorted(connection.organizations - {ANY}):
        if valid_org_id(org_id) is None:
            yield f"organization {org_id!r}: {_ORGANIZATION}, or {ANY} for all"
    for tenant, org_id in connection.tenants.items():
        if not 0 < len(tenant) <= _LONGEST or not tenant.isprintable():
            yield f"a tenant's name: expected 1-{_LONGEST} printable characters"
        if valid_org_id(org_id) is None:
            yield f"tenant {tenant!r}: {_ORGANIZATION}"
    if connection.organization and valid_org_id(connection.organization) is None:
        yield f"the organization of events without a tenant: {_ORGANIZATION}"
    if not (connection.organizations or connection.tenants or connection.organization):
        yield (
            "it may speak for nobody: name organizations, tenants, or the one organization "
            "whose the events are that name no tenant"
        )


def _kind(connection: Connection) -> Iterator[str]:
    source = discover().get(connection.kind)
    if source is None:
        yield f"the kind: expected one of {', '.join(discover())}"
        return
    for option in sorted(connection.options.keys() - source.options.keys()):
        known = f"it knows {', '.join(sorted(source.options))}" if source.options else "it has none"
        yield f"option {option!r}: {source.kind} has no such option, {known}"
    if len(connection.secrets) > MOST_SECRETS:
        yield f"the secrets: expected {MOST_SECRETS} at most, each is tried on every call"
    if not all(connection.secrets):
        yield "the secrets: one is empty"
    if not fetching.is_proven_by_broker(connection):
        yield from source.mistakes(connection)
    yield from fetching.mistakes(connection)
