"""The store: does it answer, is it recent, does it keep what it is told?"""

from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError

from dispatcher.adapters.store.connection import connect, store_errors
from dispatcher.cli.checks.finding import Finding, Health, place
from dispatcher.errors import StoreUnavailable
from dispatcher.stories.times import span

_OLDEST: Final = (7, 0)
_NEARLY_FULL: Final = 0.9


async def check_store(url: str) -> list[Finding]:
    """Return how the store is."""
    client = connect(url)
    try:
        with store_errors():
            await client.ping()  # opens the connection, so that the next one is timed alone
            started = monotonic()
            await client.ping()
        answers = f"{place(url)} answers in {span(monotonic() - started)}"
        return [Finding(Health.OK, "store", answers), *await _look_inside(client)]
    except StoreUnavailable as error:
        mend = "start it, or mend DISPATCHER_STORE_URL (DISPATCHER_BROKER_URL where that is unset)"
        return [Finding(Health.FAIL, "store", f"{place(url)}: {error}", mend)]
    finally:
        await client.aclose()


async def _look_inside(client: Redis) -> list[Finding]:
    try:
        return list(_judge(await client.info()))
    except NoPermissionError:
        mend = "let this user run INFO, to have version and persistence checked"
        return [Finding(Health.SKIP, "store", "INFO is not allowed", mend)]
    except (RedisError, OSError) as error:
        return [Finding(Health.FAIL, "store", f"INFO failed: {type(error).__name__}")]


def _judge(info: Mapping[str, Any]) -> Iterator[Finding]:
    yield _version(info)
    yield _persistence(info)
    yield _eviction(info)
    yield _memory(info)


def _version(info: Mapping[str, Any]) -> Finding:
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info.get("redis_version") or "?")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST:
        return Finding(Health.FAIL, "store version", f"{name} {version}", "7.0 or later is needed")
    return Finding(Health.OK, "store version", f"{name} {version}")


def _persistence(info: Mapping[str, Any]) -> Finding:
    subject = "store persistence"
    if not info.get("aof_enabled"):
        mend = "set `appendonly yes`: a restart of the store loses events without it"
        return Finding(Health.FAIL, subject, "no append-only file", mend)
    if info.get("aof_last_write_status", "ok") != "ok":
        mend = "look at the store's disk: is it full?"
        return Finding(Health.FAIL, subject, "the append-only file cannot be written", mend)
    return Finding(Health.OK, subject, "append-only file")


def _eviction(info: Mapping[str, Any]) -> Finding:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction":
        return Finding(Health.OK, "store eviction", policy)
    mend = (
        "set `maxmemory-policy noeviction`: anything else throws events away when memory is short"
    )
    return Finding(Health.FAIL, "store eviction", policy, mend)


def _memory(info: Mapping[str, Any]) -> Finding:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    found = f"{used / 1e6:.1f} MB used" + (f" of {most / 1e6:.0f} MB" if most else ", no limit set")
    if most and used > most * _NEARLY_FULL:
        return Finding(
            Health.WARN, "store memory", found, "raise maxmemory: writes are refused soon"
        )
    return Finding(Health.OK, "store memory", found)
