"""Connections as people and programs see them: never a secret."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.text import Text

from dispatcher.cli import output
from dispatcher.connection import Connection, DirectoryAccess
from dispatcher.sender_wire import redacted
from dispatcher.stories.connections import address, secrets, speaks_for
from dispatcher.stories.times import clock_time, relative


def document(connection: Connection) -> dict[str, Any]:
    """Return a connection as JSON."""
    times = connection.secret_times or (None,) * len(connection.secrets)
    return {
        "name": connection.name,
        "kind": connection.kind,
        "address": address(connection.name),
        "organizations": sorted(connection.organizations),
        "tenants": dict(connection.tenants),
        "organization": connection.organization or None,
        "options": _options(connection),
        "secrets": [{"since": since} for since in times],
        "directory": _directory(connection.directory),
        "isFixed": connection.is_fixed,
        "changedAt": connection.changed_at,
    }


def fields(connection: Connection, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a connection."""
    yield "kind", connection.kind
    yield "address", address(connection.name)
    yield "speaks for", speaks_for(connection)
    for tenant, org_id in sorted(connection.tenants.items()):
        yield f"tenant {tenant}", org_id
    if connection.organization:
        yield "events without a tenant", connection.organization
    for name, value in sorted(_options(connection).items()):
        yield f"option {name}", value
    yield "secrets", secrets(connection, now)
    yield "directory", _directory_line(connection.directory)
    if connection.is_fixed:
        yield "kept in", "DISPATCHER_CONNECTIONS_FILE"
    elif connection.changed_at:
        changed = connection.changed_at
        yield "changed", f"{clock_time(changed)}, {relative(changed, now)}"


def row(name: str, connection: Connection | None, now: datetime) -> Sequence[str | Text]:
    """Return a connection as a row of a table; None is one that cannot be read here."""
    if connection is None:
        return name, output.bad("unreadable"), "its key is not in DISPATCHER_ENCRYPTION_KEYS"
    directory = connection.directory
    return (
        name,
        connection.kind,
        speaks_for(connection),
        secrets(connection, now),
        directory.kind if directory else output.faint("none"),
        "file" if connection.is_fixed else "store",
    )


def _options(connection: Connection) -> dict[str, str]:
    return {name: _shown(value) for name, value in connection.options.items()}


def _shown(value: str) -> str:
    return redacted(value) if "://" in value else value


def _directory(access: DirectoryAccess | None) -> dict[str, Any] | None:
    if access is None:
        return None
    return {
        "kind": access.kind,
        "url": access.url,
        "hasSecret": bool(access.secret),
        "options": dict(access.options),
        "isTruth": access.is_truth,
    }


def _directory_line(access: DirectoryAccess | None) -> str:
    if access is None:
        return "none: only the event is asked"
    asked = "always asked" if access.is_truth else "asked where the event names no address"
    options = "".join(f", {name}={value}" for name, value in sorted(access.options.items()))
    return f"{access.kind} at {access.url}, {asked}{options}"
