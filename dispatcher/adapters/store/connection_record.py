"""How a connection is written in the store, key ``<prefix>connection:<name>``: one JSON object.

What proves its calls and what opens its directory are encrypted, each for its very place; the
rest can be read, but for a person's eyes there is ``dispatcher connection show``.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain, repeat
from typing import Any, Final

import pydantic_core

from dispatcher.adapters.store.codec import from_microseconds, to_json, to_microseconds
from dispatcher.adapters.store.names import to_bytes
from dispatcher.adapters.store.vault import Vault
from dispatcher.connection import Connection, DirectoryAccess
from dispatcher.errors import ConnectionUnreadable, SecretUnreadable, StoreUnavailable

_BROKEN: Final = "a connection in the store is broken"


def key_of(prefix: bytes, name: str) -> bytes:
    """Return the key of a connection."""
    return b"%bconnection:%b" % (prefix, to_bytes(name))


def encode(connection: Connection, vault: Vault) -> bytes:
    """Return a connection as it is written.

    Raises:
        ConfigError: It has secrets, and there is no key to encrypt them with.
    """
    times = chain(connection.secret_times, repeat(None))
    return to_json(
        {
            "kind": connection.kind,
            "organizations": sorted(connection.organizations),
            "tenants": dict(connection.tenants),
            "organization": connection.organization,
            "options": dict(connection.options),
            "secrets": [
                {"sealed": vault.seal(_proof(connection.name), secret).decode(), "since": _time(at)}
                for secret, at in zip(connection.secrets, times, strict=False)
            ],
            "directory": _encode_directory(connection, vault),
            "changed": _time(connection.changed_at),
        }
    )


def decode(name: str, text: bytes, vault: Vault) -> Connection:
    """Return the connection that is written so.

    Raises:
        ConnectionUnreadable: Its secrets cannot be decrypted here.
        StoreUnavailable: The record is broken.
    """
    written = _parse(text)
    try:
        secrets = written["secrets"]
        times = [each["since"] for each in secrets]
        changed = written["changed"]
        return Connection(
            name=name,
            kind=written["kind"],
            organizations=frozenset(written["organizations"]),
            tenants=dict(written["tenants"]),
            organization=written["organization"],
            secrets=tuple(vault.unseal(_proof(name), each["sealed"].encode()) for each in secrets),
            options=dict(written["options"]),
            directory=_decode_directory(name, written["directory"], vault),
            secret_times=() if None in times else tuple(map(_from_time, times)),
            changed_at=None if changed is None else _from_time(changed),
        )
    except SecretUnreadable as error:
        raise ConnectionUnreadable(f"the secrets of connection {name}: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise StoreUnavailable(_BROKEN) from error


def is_newest(text: bytes, vault: Vault) -> bool:
    """Tell whether the newest key opens all that is encrypted of a connection.

    Raises:
        StoreUnavailable: The record is broken.
    """
    try:
        return all(vault.is_newest(sealed.encode()) for sealed in _sealed(_parse(text)))
    except (LookupError, TypeError, AttributeError) as error:
        raise StoreUnavailable(_BROKEN) from error


def _sealed(written: Mapping[str, Any]) -> Iterator[str]:
    yield from (each["sealed"] for each in written["secrets"])
    if written["directory"] and written["directory"]["sealed"]:
        yield written["directory"]["sealed"]


def _encode_directory(connection: Connection, vault: Vault) -> Mapping[str, Any] | None:
    access = connection.directory
    if access is None:
        return None
    sealed = vault.seal(_entry(connection.name), access.secret).decode() if access.secret else ""
    return {
        "kind": access.kind,
        "url": access.url,
        "sealed": sealed,
        "options": dict(access.options),
        "truth": access.is_truth,
    }


def _decode_directory(
    name: str, written: Mapping[str, Any] | None, vault: Vault
) -> DirectoryAccess | None:
    if written is None:
        return None
    sealed = written["sealed"]
    return DirectoryAccess(
        kind=written["kind"],
        url=written["url"],
        secret=vault.unseal(_entry(name), sealed.encode()) if sealed else "",
        options=dict(written["options"]),
        is_truth=bool(written["truth"]),
    )


def _parse(text: bytes) -> Mapping[str, Any]:
    try:
        written = pydantic_core.from_json(text)
    except ValueError as error:
        raise StoreUnavailable(_BROKEN) from error
    if isinstance(written, dict):
        return written
    raise StoreUnavailable(_BROKEN)


def _proof(name: str) -> str:
    """Return what a connection's secrets are bound to: they open in nobody else's record."""
    return f"connection secret {name}"


def _entry(name: str) -> str:
    return f"connection directory {name}"


def _time(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment)


def _from_time(microseconds: int) -> datetime:
    return from_microseconds(str(microseconds).encode())
