"""The way to Valkey: a client, and scripts that are called by their digest.

Vendor errors stop here: what leaves is :class:`~dispatcher.errors.StoreUnavailable`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from hiredis import pack_command
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from dispatcher.adapters.store.line import line_of
from dispatcher.errors import ConfigError, StoreUnavailable

_CONNECT_TIMEOUT: Final = 5.0
_REPLY_TIMEOUT: Final = 10.0
_HEALTH_CHECK_INTERVAL: Final = 30
_SCHEMES: Final = frozenset({"redis", "rediss", "unix"})


def connect(url: str) -> Redis:
    """Return a client of the store; it connects when it is first used.

    A command is never sent twice behind the caller's back: whether that is safe
    only the caller knows.

    Args:
        url: ``redis://``, ``rediss://``, ``unix://`` or ``redis+socket://``, the
            last two with the socket's path.

    Raises:
        ConfigError: The URL names no way to a Valkey or Redis server.
    """
    address = without_transport_prefix(url)
    if urlsplit(address).scheme not in _SCHEMES:
        raise ConfigError("the store's URL must begin with redis://, rediss:// or redis+socket://")
    try:
        client: Redis = Redis.from_url(
            address,
            socket_timeout=_REPLY_TIMEOUT,
            socket_connect_timeout=_CONNECT_TIMEOUT,
            health_check_interval=_HEALTH_CHECK_INTERVAL,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise ConfigError("the store's URL cannot be read: check its port and database") from error
    pool = client.connection_pool
    pool.connection_class = type("_Connection", (_PackedInC, pool.connection_class), {})
    return client


class _PackedInC:
    """Packs commands in C; the client's own way costs more than all else in a large batch."""

    def pack_command(self, name: str, *arguments: str | bytes | float) -> list[bytes]:
        # A name of two words, such as SCRIPT FLUSH, is two arguments on the wire.
        return [pack_command((*name.split(), *arguments))]  # type: ignore[arg-type] # of any length


def without_transport_prefix(url: str) -> str:
    """Return a URL as redis-py spells it.

    Kombu's ``redis+socket:///path?virtual_host=1`` becomes ``unix:///path?db=1``; any other stays.
    """
    if not url.startswith("redis+socket://"):
        return url
    parts = urlsplit(url)
    query = {"db" if key == "virtual_host" else key: value for key, value in parse_qsl(parts.query)}
    # Put together by hand: urllib leaves out the // that redis-py wants to see.
    return f"unix://{parts.netloc}{parts.path}?{urlencode(query)}"


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn the client's errors into :class:`~dispatcher.errors.StoreUnavailable`."""
    try:
        yield
    except ResponseError as error:
        raise refused(error) from error
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"no answer from the store: {type(error).__name__}") from error


def refused(error: ResponseError) -> StoreUnavailable:
    """Return the store's refusal as our error; only its code is told, never its arguments."""
    code = str(error).partition(" ")[0]
    return StoreUnavailable(f"the store refused: {type(error).__name__} {code}".rstrip())


class Script:
    """A Lua script of this package, called by its digest and loaded where that is unknown.

    The scripts build the names of their keys, so they need one server, not a cluster.

    Args:
        client: The store.
        names: The script's parts in ``lua/``, in order.
    """

    def __init__(self, client: Redis, *names: str) -> None:
        self._line = line_of(client)
        self._names = names

    async def __call__(self, *arguments: str | bytes | float) -> Any:  # noqa: ANN401 - any reply
        """Return the script's reply.

        Raises:
            StoreUnavailable: The store did not answer, or refused.
        """
        text, digest = _source(self._names)
        with store_errors():
            try:
                (reply,) = await self._line.ask(("EVALSHA", digest, 0, *arguments))
            except NoScriptError:
                (reply,) = await self._line.ask(("EVAL", text, 0, *arguments))
            return reply


@cache
def _source(names: tuple[str, ...]) -> tuple[str, str]:
    folder = files(__package__) / "lua"
    text = "\n".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in names)
    return text, sha1(text.encode(), usedforsecurity=False).hexdigest()
