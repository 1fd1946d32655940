"""A connection: may it be as it is, does the API take its calls, and none that nothing proves?"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from dispatcher.adapters.standalone.listening import Address
from dispatcher.cli.checks.finding import Finding, Health
from dispatcher.cli.checks.issuer_keys import check_keys
from dispatcher.connecting import mistakes
from dispatcher.connection import ANY, Connection
from dispatcher.settings import load_settings
from dispatcher.sources import discover
from dispatcher.sources.fetching import is_fetched
from dispatcher.sources.hook import SAMPLE_USER, Call, Source
from dispatcher.stories.times import span

_PATIENCE: Final = 10.0
_SKEW: Final = timedelta(seconds=60)
_OLD: Final = timedelta(days=365)
_UNDECIDED: Final = timedelta(days=30)
"""After which both of two secrets count for too long."""

_FINAL: Final = range(200, 300)
_MOVED: Final = range(300, 400)
_REFUSED: Final = frozenset({400, 401, 403})
_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503

_MEND: Final = {
    _NOT_FOUND: "does the API use the same store, and the same DISPATCHER_CONNECTIONS_FILE?",
    _TOO_MANY: "wait a minute: failed tries of one address are limited",
    _UNAVAILABLE: "is its store there, and does it have the same DISPATCHER_ENCRYPTION_KEYS?",
}
_MEND_PROOF: Final = (
    "does the API have the same store and secrets, and does the proxy pass body and headers on "
    "as they are?"
)


def api_url() -> str:
    """Return where the API of this installation answers on this machine.

    Raises:
        ConfigError: The settings are wrong.
    """
    address = Address.parse(load_settings().http_bind)
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - it is told apart, not bound
    return f"http://{replace(address, host=everywhere.get(address.host, address.host))}"


async def check_connection(connection: Connection, url: str, now: datetime) -> list[Finding]:
    """Return how it is with a connection, but for its directory.

    Args:
        connection: The connection.
        url: Where the API is.
        now: The time.
    """
    wrong = mistakes(connection)
    if wrong:
        mend = f"`dispatcher connection change {connection.name}` …"
        return [Finding(Health.FAIL, "connection", each, mend) for each in wrong]
    found = [Finding(Health.OK, "connection", "may be as it is"), *_ages(connection, now)]
    found += await check_keys(connection)
    if is_fetched(connection):
        mend = "the workers' logs say whether they get there"
        return [*found, Finding(Health.SKIP, "calls", "none: workers fetch its events", mend)]
    place = f"{url.rstrip('/')}/hooks/{connection.name}"
    async with httpx.AsyncClient(timeout=_PATIENCE) as client:
        found += [each async for each in _calls(client, place, connection, now)]
    return found


def _ages(connection: Connection, now: datetime) -> Iterator[Finding]:
    ages = [now - since for since in connection.secret_times]
    rotate = f"`dispatcher connection rotate {connection.name}`"
    if not ages:
        return
    newest = span(ages[0].total_seconds() or 1.0)
    if ages[0] > _OLD:
        yield Finding(Health.WARN, "secret", f"{newest} old", f"replace it: {rotate}")
    elif len(ages) > 1 and ages[0] > _UNDECIDED:
        old = f"{len(ages)} count, the newest since {newest}"
        yield Finding(Health.WARN, "secret", old, f"once the IAM has it: {rotate} --drop-old")
    else:
        yield Finding(Health.OK, "secret", f"{newest} old")


async def _calls(
    client: httpx.AsyncClient, place: str, connection: Connection, now: datetime
) -> AsyncIterator[Finding]:
    source = discover()[connection.kind]
    unproven = Call(b"{}", {"content-type": "application/json"})
    try:
        answer = await _made(client, place, unproven)
        yield _unproven(answer, connection)
        if answer.status_code not in _REFUSED | set(_FINAL):
            return
        yield _clock(answer, now)
        sample = source.sample(connection, now, _tenant(connection))
        if sample is None:
            said = "none can be made here: only the IAM can prove one"
            mend = f"have it send one: docs/connect/{connection.kind}.md"
            yield Finding(Health.SKIP, "proven call", said, mend)
            return
        yield _proven(await _made(client, place, sample), source)
    except httpx.HTTPError as error:
        mend = "start `dispatcher api`, or say where it is: --url"
        said = f"{place} does not answer: {type(error).__name__}"
        yield Finding(Health.FAIL, "API", said, mend)


async def _made(client: httpx.AsyncClient, place: str, call: Call) -> httpx.Response:
    return await client.request(call.method, place, content=call.body, headers=dict(call.headers))


def _unproven(answer: httpx.Response, connection: Connection) -> Finding:
    status = answer.status_code
    if status in _REFUSED:
        return Finding(Health.OK, "unproven call", f"refused with {status}")
    if status in _FINAL:
        said = f"taken with {status}: anybody can bring events"
        mend = f"prove its calls: docs/connect/{connection.kind}.md"
        return Finding(Health.FAIL, "unproven call", said, mend)
    if status in _MOVED:
        mend = "give the final address, here and at the IAM: IAMs follow no redirect"
        return Finding(Health.FAIL, "API", f"it answers {status}: a redirect", mend)
    return Finding(Health.FAIL, "API", f"it answers {status}", _MEND.get(status, "see its log"))


def _proven(answer: httpx.Response, source: Source) -> Finding:
    status = answer.status_code
    if status == source.accepted().status:
        said = f"taken with {status}, and ignored: it tells of {SAMPLE_USER.id}, who is nobody"
        return Finding(Health.OK, "proven call", said)
    mend = _MEND_PROOF if status in _REFUSED else _MEND.get(status, "see the API's log")
    return Finding(Health.FAIL, "proven call", f"the API answers {status}", mend)


def _clock(answer: httpx.Response, now: datetime) -> Finding:
    """Return how far the API's clock is from ours: proofs are worth something for five minutes."""
    try:
        skew = abs(parsedate_to_datetime(answer.headers.get("date", "")) - now)
    except (TypeError, ValueError):
        return Finding(Health.SKIP, "clock", "the API does not tell its time")
    if skew > _SKEW:
        said = f"the API's and ours differ by {span(skew.total_seconds())}"
        return Finding(Health.WARN, "clock", said, "let both be set by NTP")
    return Finding(Health.OK, "clock", "the API's is right")


def _tenant(connection: Connection) -> str:
    """Return a tenant that the connection may speak for; "" where it does for one that has none."""
    named: Sequence[str] = sorted({*connection.tenants, *connection.organizations} - {ANY})
    return named[0] if named else ("" if connection.organization else SAMPLE_USER.id or "")
