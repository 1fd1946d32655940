"""Reading an IAM's own log of events: what its calls told, and what nobody was there to hear."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import httpx

from dispatcher.cli.failures import UsageError
from dispatcher.connection import Connection, DirectoryAccess
from dispatcher.errors import DispatcherError, MalformedEvent
from dispatcher.events import Event
from dispatcher.sources import zitadel_log
from dispatcher.sources.binding import bind
from dispatcher.sources.hook import Call, Occurrence
from dispatcher.sources.zitadel import SOURCE
from dispatcher.web_address import is_safe

_PATIENCE: Final = 20.0
_REFUSED: Final = frozenset({401, 403})
_OK: Final = 200
_STEP: Final = timedelta(milliseconds=1)


class LogUnreadable(DispatcherError):
    """The IAM does not let us read its log; the text says what to mend."""


def changes(connection: Connection, since: datetime) -> Iterator[Event | None]:
    """Yield the changes that an IAM's log knows from a time on; None for one that is nobody's here.

    Raises:
        UsageError: That kind of connection has no log, or no directory that leads to it.
        LogUnreadable: It cannot be read.
    """
    access = connection.directory
    if connection.kind != SOURCE.kind:
        raise UsageError(
            f"only {SOURCE.kind} keeps a log that we read: others call again by themselves"
        )
    if access is None or access.kind != SOURCE.kind:
        raise UsageError(f"{connection.name} has no directory, through which its log is read")
    for body in _bodies(access, since):
        yield from _events(body, connection)


def _events(body: bytes, connection: Connection) -> Iterator[Event | None]:
    events: list[Event | None] = []
    with suppress(MalformedEvent):
        for each in SOURCE.parse(body, Call(body), connection).found:
            events += bind(connection, each) if isinstance(each, Occurrence) else ()
    yield from events or [None]


def _bodies(access: DirectoryAccess, since: datetime) -> Iterator[bytes]:
    if not is_safe(access.url):
        raise LogUnreadable(f"{access.url}: expected https")
    headers = {"authorization": f"Bearer {access.secret}", "accept": "application/json"}
    base = access.url.rstrip("/")
    with httpx.Client(base_url=base, headers=headers, timeout=_PATIENCE) as client:
        try:
            yield from _pages(client, since)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise LogUnreadable(f"{base} does not answer: {type(error).__name__}") from error
        except MalformedEvent as error:
            raise LogUnreadable(f"{base} answers what is no log: {error}") from error


def _pages(client: httpx.Client, since: datetime) -> Iterator[bytes]:
    instance = zitadel_log.instance_id(_content(client.get(zitadel_log.INSTANCE)))
    start: datetime | None = since
    while start is not None:
        answer = client.post(zitadel_log.SEARCH, json=zitadel_log.question(start))
        page = zitadel_log.read(_content(answer), instance)
        yield from page.bodies
        # A page may end among events of one instant: those that come twice are known by their ids.
        start = page.until and max(page.until, start + _STEP)


def _content(response: httpx.Response) -> bytes:
    if response.status_code in _REFUSED:
        raise LogUnreadable(
            "the directory's token may not read events: give its user the role IAM_OWNER_VIEWER"
        )
    if response.status_code != _OK:
        raise LogUnreadable(f"the log answers with {response.status_code}")
    return response.content
