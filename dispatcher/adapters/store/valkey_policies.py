"""Policies in Valkey: what is asked within one tick is one call of ``lua/policies.lua``."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from dispatcher.adapters.store.codec import from_microseconds, to_bytes
from dispatcher.adapters.store.connection import Script, refused
from dispatcher.adapters.store.gatherer import Gatherer
from dispatcher.policy import Effect, Policy, Presence, Written

_Operation = Sequence[bytes]


class ValkeyPolicyStore:
    """Keeps policies in Valkey; nothing is cached, so a change counts from the next event on.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.
    """

    def __init__(self, client: Redis, *, prefix: str = "nd:") -> None:
        self._prefix = to_bytes(prefix)
        self._script = Script(client, "policies")
        self._gatherer: Gatherer[_Operation, Any] = Gatherer(self._call)

    async def load(self, owner: str) -> Policy | None:
        """Return the owner's own policy, or None.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        return _policy(owner, await self._gatherer.ask(_operation("load", owner)))

    async def effective(self, org_id: str) -> Policy | None:
        """Return what counts for the organization: its own policy, else the default, else None.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        reply = await self._gatherer.ask(_operation("effective", org_id))
        return _policy(reply[0].decode(), reply[1]) if reply else None

    async def put(
        self, owner: str, switches: Mapping[str, bool], *, presence: Presence = Presence.ANY
    ) -> Written:
        """Set *switches* on the owner's policy, creating it unless *presence* forbids.

        The sequence rises by one if, and only if, something changes; a switch
        that was never set is off already.

        Raises:
            StoreUnavailable: The store did not answer; it may have written.
        """
        settings = chain.from_iterable(
            (name, "1" if is_on else "0") for name, is_on in switches.items()
        )
        reply = await self._gatherer.ask(_operation("put", owner, presence, *settings))
        return Written(Effect(reply[0].decode()), _policy(owner, reply[1]))

    async def remove(self, owner: str) -> Policy | None:
        """Remove the owner's policy; return it as removed (sequence and time of that), or None.

        Raises:
            StoreUnavailable: The store did not answer; it may have removed it.
        """
        return _policy(owner, await self._gatherer.ask(_operation("remove", owner)))

    async def _call(self, operations: Sequence[_Operation]) -> Sequence[Any]:
        replies = await self._script(self._prefix, *chain.from_iterable(operations))
        return [refused(reply) if isinstance(reply, ResponseError) else reply for reply in replies]


def _operation(name: str, *arguments: str) -> _Operation:
    return [to_bytes(name), b"%d" % len(arguments), *map(to_bytes, arguments)]


def _policy(owner: str, flat: Sequence[bytes] | None) -> Policy | None:
    if not flat:
        return None
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return Policy(
        owner,
        {name[3:].decode(): value == b"1" for name, value in fields.items() if name[:3] == b"on:"},
        int(fields[b"sequence"]),
        from_microseconds(fields[b"created"]),
        from_microseconds(fields[b"changed"]),
    )
