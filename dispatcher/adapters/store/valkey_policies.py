"""Policies in Valkey: read with plain commands, written by ``lua/policies.lua``.

What is asked within one tick is one call.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from dispatcher.adapters.store.codec import from_microseconds
from dispatcher.adapters.store.connection import Script, refused, store_errors
from dispatcher.adapters.store.gatherer import Gatherer
from dispatcher.adapters.store.names import to_bytes
from dispatcher.adapters.store.readings import Readings
from dispatcher.errors import StoreUnavailable
from dispatcher.policy import INSTANCE, Change, Effect, Policy, Presence, Written

_Operation = Sequence[bytes]

_LONGEST_WRITER: Final = 200


class ValkeyPolicyStore:
    """Keeps policies in Valkey; nothing is cached, so a change counts from the next event on.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.
        readings: What else of the store is read with policies; by default nothing.
    """

    def __init__(
        self, client: Redis, *, prefix: str = "nd:", readings: Readings | None = None
    ) -> None:
        self._client = client
        self._prefix = to_bytes(prefix)
        self._script = Script(client, "policies")
        self._default = self._key(INSTANCE)
        self._readings = readings or Readings(client)
        self._writings: Gatherer[_Operation, Any] = Gatherer(self._write)

    async def load(self, owner: str) -> Policy | None:
        """Return the owner's own policy, or None.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        (own,) = await self._readings.ask(self._key(owner))
        return _policy(owner, own)

    async def effective(self, org_id: str) -> Policy | None:
        """Return what counts for the organization: its own policy over the default, or None.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        texts = await self._readings.ask(self._key(org_id), self._default)
        own, default = _policy(org_id, texts[0]), _policy(INSTANCE, texts[1])
        return own.over(default) if own else default

    async def put(
        self,
        owner: str,
        switches: Mapping[str, bool],
        *,
        presence: Presence = Presence.ANY,
        by: str = "",
    ) -> Written:
        """Set *switches* on the owner's policy, creating it unless *presence* forbids.

        The sequence rises by one if, and only if, something changes.

        Raises:
            StoreUnavailable: The store did not answer; it may have written.
        """
        settings = chain.from_iterable(
            (name, "1" if is_on else "0") for name, is_on in switches.items()
        )
        reply = await self._writings.ask(_operation("put", owner, _writer(by), presence, *settings))
        return Written(Effect(reply[0].decode()), _policy(owner, reply[1]))

    async def remove(self, owner: str, *, by: str = "") -> Policy | None:
        """Remove the owner's policy; return it as removed (sequence and time of that), or None.

        Raises:
            StoreUnavailable: The store did not answer; it may have removed it.
        """
        return _policy(owner, await self._writings.ask(_operation("remove", owner, _writer(by))))

    async def history(self, owner: str, *, limit: int = 100) -> Sequence[Change]:
        """Return the last changes of the owner's policy, newest first.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        if limit < 1:
            return []
        key = b"%bpolicy-changes:%b" % (self._prefix, to_bytes(owner))
        with store_errors():
            entries = await self._client.lrange(key, -limit, -1)
        return [_change(to_bytes(entry)) for entry in reversed(entries)]

    async def _write(self, operations: Sequence[_Operation]) -> Sequence[Any]:
        replies = await self._script(self._prefix, *chain.from_iterable(operations))
        return [refused(reply) if isinstance(reply, ResponseError) else reply for reply in replies]

    def _key(self, owner: str) -> bytes:
        return b"%bpolicy:%b" % (self._prefix, to_bytes(owner))


def _operation(name: str, *arguments: str) -> _Operation:
    return [to_bytes(name), b"%d" % len(arguments), *map(to_bytes, arguments)]


def _writer(by: str) -> str:
    """Return who writes, such that it is one column of a change."""
    return "".join(letter if letter.isprintable() else "?" for letter in by)[:_LONGEST_WRITER]


def _switches(columns: Iterable[bytes]) -> Mapping[str, bool]:
    pairs = (column.partition(b"=") for column in columns)
    return {name.decode(): on == b"1" for name, _, on in pairs}


def _change(entry: bytes) -> Change:
    try:
        sequence, at, effect, by, *columns = entry.split(b"\t")
        before = _switches(column[1:] for column in columns if column.startswith(b"-"))
        after = _switches(column[1:] for column in columns if column.startswith(b"+"))
        kind = Effect(effect.decode())
        return Change(
            int(sequence),
            from_microseconds(at),
            by.decode(),
            kind,
            None if kind is Effect.CREATED else before,
            None if kind is Effect.REMOVED else after,
        )
    except ValueError as error:
        raise StoreUnavailable("a policy's history in the store is broken") from error


@lru_cache(maxsize=4096)
def _policy(owner: str, text: bytes | None) -> Policy | None:
    """Return the policy that is written so; after a removal only its sequence is."""
    if text is None or text.isdigit():
        return None
    try:
        sequence, created, changed, *switches = text.split(b"\t")
        return Policy(
            owner,
            _switches(switches),
            int(sequence),
            from_microseconds(created),
            from_microseconds(changed),
        )
    except ValueError as error:
        raise StoreUnavailable("a policy in the store is broken") from error
