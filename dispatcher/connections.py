"""Connections: added, changed, their secrets replaced, removed; one service for all who do so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from dispatcher.connection import Connection
from dispatcher.errors import ConnectionNotFound, InvalidConnection
from dispatcher.ports import Clock, ConnectionStore


@dataclass(frozen=True, slots=True)
class Secured:
    """A connection, and the only look at a secret that was made for it.

    Args:
        connection: As it is now.
        secret: The new secret, to be entered at the IAM; "" where none was made.
    """

    connection: Connection
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections of an installation.

    Args:
        store: Keeps them.
        clock: Tells when one is changed.
        mistakes: Returns what is wrong with one.
        new_secret: Makes a secret of a connection's kind; None where the IAM makes its own, or
            such a connection needs none.
    """

    store: ConnectionStore
    clock: Clock
    mistakes: Callable[[Connection], Sequence[str]]
    new_secret: Callable[[Connection], str | None]

    async def get(self, name: str) -> Connection:
        """Return the connection of that name.

        Raises:
            ConnectionNotFound: There is none.
            ConnectionUnreadable: Its secrets cannot be decrypted here.
        """
        return _existing(await self.store.find(name))

    async def names(self) -> Sequence[str]:
        """Return the names of all connections, in order."""
        return await self.store.names()

    async def add(self, connection: Connection) -> Secured:
        """Add a connection; where it has no secret, one is made if its kind wants that.

        Raises:
            InvalidConnection: It cannot be as it is, or there is one of that name.
            ConfigError: There is no key to encrypt secrets with.
        """
        secret = "" if connection.secrets else self.new_secret(connection) or ""
        whole = replace(connection, secrets=(secret,)) if secret else connection

        def added(old: Connection | None) -> Connection:
            if old is not None:
                raise InvalidConnection(f"there is a connection {old.name} already")
            return self._checked(whole, old)

        return Secured(await self.store.alter(connection.name, added), secret)

    async def change(self, name: str, change: Callable[[Connection], Connection]) -> Connection:
        """Change a connection by what *change*, which is pure, makes of it; return it.

        Raises:
            ConnectionNotFound: There is none.
            InvalidConnection: It cannot be like that.
            ConfigError: There is no key to encrypt secrets with.
            ConnectionUnreadable: Its secrets cannot be decrypted here.
        """

        def changed(old: Connection | None) -> Connection:
            before = _existing(old)
            return self._checked(change(before), before)

        return await self.store.alter(name, changed)

    async def rotate(self, name: str, secret: str = "") -> Secured:
        """Give a connection one more secret, the newest; those that it has go on counting.

        Args:
            name: The connection's.
            secret: What the IAM handed out; "" makes one.

        Raises:
            ConnectionNotFound: There is none.
            InvalidConnection: Its IAM hands out secrets itself, or this is none, or one too many.
            ConfigError: There is no key to encrypt secrets with.
            ConnectionUnreadable: Its secrets cannot be decrypted here.
        """
        made = "" if secret else self._made(await self.get(name))
        newest = secret or made

        def rotated(old: Connection) -> Connection:
            older = (each for each in old.secrets if each != newest)
            return replace(old, secrets=(newest, *older))

        return Secured(await self.change(name, rotated), made)

    async def drop_old(self, name: str) -> Connection:
        """Let only a connection's newest secret count on, and its newest private key.

        Raises:
            ConnectionNotFound: There is none.
            ConnectionUnreadable: Its secrets cannot be decrypted here.
        """
        return await self.change(name, lambda old: replace(old, secrets=old.newest_secrets()))

    async def remove(self, name: str) -> None:
        """Remove a connection: its calls are refused from the next one on.

        Raises:
            ConnectionNotFound: There is none.
            InvalidConnection: It is of the settings file.
        """
        if not await self.store.remove(name):
            raise _not_found()

    async def reseal(self) -> int:
        """Encrypt everything with the newest key; return how many connections' secrets were not.

        Raises:
            ConfigError: There is no key.
            ConnectionUnreadable: Some cannot be decrypted here; it names the connection.
        """
        resealed = 0
        for name in await self.store.names():
            resealed += await self.store.reseal(name)
        return resealed

    def _made(self, connection: Connection) -> str:
        made = self.new_secret(connection)
        if made is None:
            raise InvalidConnection(
                f"{connection.kind} hands out its secrets itself, or needs none: give the new one"
            )
        return made

    def _checked(self, new: Connection, old: Connection | None) -> Connection:
        mistakes = self.mistakes(new)
        if mistakes:
            raise InvalidConnection("\n".join(mistakes))
        since = dict(zip(old.secrets, old.secret_times, strict=False)) if old else {}
        now = self.clock.now()
        times = tuple(since.get(secret, now) for secret in new.secrets)
        return replace(new, secret_times=times, changed_at=now)


def _existing(connection: Connection | None) -> Connection:
    if connection is None:
        raise _not_found()
    return connection


def _not_found() -> ConnectionNotFound:
    return ConnectionNotFound("there is no such connection; `dispatcher connection list` shows all")
