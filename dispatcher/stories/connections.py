"""Connections as people read of them: never a secret."""

from datetime import datetime

from dispatcher.connection import ANY, Connection
from dispatcher.stories.times import relative


def address(name: str) -> str:
    """Return the path at which a connection's calls come in."""
    return f"/hooks/{name}"


def speaks_for(connection: Connection) -> str:
    """Return for whom a connection may speak, in short."""
    if ANY in connection.organizations:
        return "all organizations"
    named = {*connection.organizations, *connection.tenants.values(), connection.organization}
    return ", ".join(sorted(named - {""}))


def secrets(connection: Connection, now: datetime) -> str:
    """Return how many secrets there are, and how old."""
    if not connection.secrets:
        return "none"
    ages = ", ".join(relative(since, now) for since in connection.secret_times)
    return f"{len(connection.secrets)}" + (f" ({ages})" if ages else "")
