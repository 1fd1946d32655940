"""Lanes: organizations' own lists beside a queue's, into which a long queue is sorted.

The scripts `lanes.lua`, `rotation.lua` and `take.lua` do it; docs/decisions/0011 says why.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from redis import Redis

from dispatcher.adapters.broker.keys import Keys
from dispatcher.adapters.broker.scripts import script

#: What the scripts find an organization by, too.
_FIELD: Final = "org_id"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Most messages that one call moves: bounds how long the server is busy with it.
_AT_ONCE: Final = 2000


def lane_of(call: Sequence[Any]) -> str:
    """Return whose message it is; the empty name where that cannot be told.

    Args:
        call: A task's arguments, first the positional ones.
    """
    first = call[0][0] if call[0] else None
    organization = first.get(_FIELD) if isinstance(first, dict) else None
    if isinstance(organization, str) and _NAME.fullmatch(organization):
        return organization
    return ""


def depth(client: Redis, keys: Keys, queue: str) -> int:
    """Return how many messages of a queue are in lanes.

    Raises:
        redis.exceptions.RedisError: The broker does not answer.
    """
    with client.pipeline(transaction=False) as pipe:
        for lane in _lanes(client, keys, queue):
            pipe.llen(lane)
        return sum(pipe.execute())


def drop(client: Redis, keys: Keys, queue: str) -> int:
    """Delete a queue's lanes; return how many messages they held.

    Raises:
        redis.exceptions.RedisError: The broker does not answer.
    """
    with client.pipeline() as pipe:
        for lane in _lanes(client, keys, queue):
            pipe.llen(lane)
            pipe.delete(lane)
        pipe.delete(keys.ring(queue))
        return sum(pipe.execute()[:-1:2])


def unsort(client: Redis, keys: Keys, queue: str) -> int:
    """Put all lanes back into their queue, for workers that know no lanes; return how many.

    Stop the workers that know lanes before: they sort again at once.

    Raises:
        redis.exceptions.RedisError: The broker does not answer; what was moved was moved.
    """
    text, total = script("unsort").text, 0
    while True:
        moved = int(client.execute_command("EVAL", text, 1, keys.lists(queue)[0], _AT_ONCE))
        total += moved
        if moved < _AT_ONCE:
            return total


def _lanes(client: Redis, keys: Keys, queue: str) -> list[str]:
    members = client.execute_command("ZRANGE", keys.ring(queue), 0, -1)
    names = [name.decode() if isinstance(name, bytes) else name for name in members]
    return [keys.lane(queue, name) for name in names]
