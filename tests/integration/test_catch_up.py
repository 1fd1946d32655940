"""``dispatcher connection catch-up`` reads ZITADEL's log, of a server of our own."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.cli.connection_log import LogUnreadable, changes
from dispatcher.connection import Connection, DirectoryAccess
from dispatcher.delivery import Sent
from dispatcher.errors import InvalidConnection
from dispatcher.sources import zitadel_log
from tests.builders import NOON, an_event
from tests.unit.cli.installation import Answer, MemorySession

_TOKEN: Final = "a-personal-access-token"
_ORG: Final = "300000000000000001"


@dataclass
class Log:
    """What ZITADEL answers."""

    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    answer: bytes = b""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def has(self, number: int, *, org: str = _ORG, at: datetime = NOON) -> None:
        """Have an event in the log."""
        self.events.append(
            {
                "editor": {"userId": f"u-{number}"},
                "aggregate": {"id": f"u-{number}", "resourceOwner": org},
                "sequence": "7",
                "creationDate": at.isoformat(),
                "payload": {"encodedHash": "hunter2"},
                "type": {"type": "user.human.password.changed"},
            }
        )

    def said(self, question: dict[str, Any]) -> bytes:
        """Return what ZITADEL would answer: from a time on, that included."""
        self.asked.append(question)
        since = datetime.fromisoformat(question["from"])
        found = [
            event for event in self.events if datetime.fromisoformat(event["creationDate"]) >= since
        ]
        return json.dumps({"events": found[: question["limit"]]}).encode()


@contextmanager
def _zitadel(log: Log) -> Iterator[Log]:
    class Desk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(b'{"instance": {"id": "i-1"}}')

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self._reply(log.answer or log.said(asked))

        def _reply(self, body: bytes) -> None:
            is_known = self.headers["authorization"] == f"Bearer {_TOKEN}"
            self.send_response_only(log.status if is_known else 401)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    log.url = f"http://127.0.0.1:{server.server_port}"
    running = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    running.start()
    try:
        yield log
    finally:
        server.shutdown()
        running.join()
        server.server_close()


@pytest.fixture
def log() -> Iterator[Log]:
    with _zitadel(Log()) as running:
        yield running


@pytest.fixture
def session(log: Log, monkeypatch: pytest.MonkeyPatch) -> MemorySession:
    monkeypatch.setenv("TERM", "dumb")
    session = MemorySession()
    _connect(session, _connection(log))
    return session


def _connection(log: Log) -> Connection:
    return Connection(
        "zitadel",
        "zitadel",
        frozenset({_ORG}),
        secrets=("a-signing-key",),
        directory=DirectoryAccess("zitadel", log.url, _TOKEN),
    )


def _connect(session: MemorySession, connection: Connection) -> None:
    asyncio.run(session.store.connections.add(connection))


def _catch_up(session: MemorySession, *options: str, name: str = "zitadel") -> Answer:
    arguments = ["connection", "catch-up", name, "--since", "2h", *options]
    result = CliRunner().invoke(app, arguments, obj=session)
    return Answer(result.exit_code, result.stdout, result.stderr)


def _id(number: int) -> str:
    return f"zitadel:zitadel:i-1/u-{number}/7"


def test_what_no_call_brought_is_published_and_what_is_known_is_not(
    log: Log, session: MemorySession
) -> None:
    session.has(Sent(), an_event(_id(1), org=_ORG))
    for number in (1, 2):
        log.has(number)
    log.has(3, org="another")

    answer = _catch_up(session)

    assert (answer.code, answer.out.split()) == (0, [_id(2)])
    assert "2 changes in the log, 1 known, 1 published; 1 more" in answer.err
    (parcel,) = session.events.parcels
    assert (parcel.event["id"], parcel.event["org_id"]) == (_id(2), _ORG)
    assert parcel.event["source"] == f"hooks/zitadel/{_ORG}"
    assert "hunter2" not in repr(parcel)


def test_a_dry_run_publishes_nothing(log: Log, session: MemorySession) -> None:
    log.has(1)

    answer = _catch_up(session, "--dry-run", "--json")

    assert json.loads(answer.out) == {
        "told": 1,
        "known": 0,
        "others": 0,
        "missing": [{"org_id": _ORG, "id": _id(1)}],
        "published": 0,
    }
    assert session.events.parcels == []


def test_a_long_log_is_read_to_its_end_page_by_page(log: Log, session: MemorySession) -> None:
    count = 2 * zitadel_log.LIMIT + 3
    for number in range(count):
        log.has(number, at=NOON - timedelta(seconds=count - number // 2))

    answer = _catch_up(session, "--json")

    assert json.loads(answer.out)["published"] == count
    assert len({parcel.event["id"] for parcel in session.events.parcels}) == count
    assert [question["from"] for question in log.asked] == sorted(
        {question["from"] for question in log.asked}
    )


def test_what_happened_before_is_not_asked_for(log: Log, session: MemorySession) -> None:
    log.has(1, at=NOON - timedelta(hours=3))

    assert "0 changes in the log" in _catch_up(session).err


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, b"", "IAM_OWNER_VIEWER"),
        (500, b"", "answers with 500"),
        (200, b"<html>", "is no log"),
        (200, b'{"events": 7}', "is no log"),
    ],
)
def test_a_log_that_cannot_be_read_says_what_to_mend(
    log: Log, session: MemorySession, status: int, body: bytes, expected: str
) -> None:
    log.status, log.answer = status, body

    answer = _catch_up(session)

    assert answer.code == 1
    assert expected in " ".join(answer.err.split())
    assert _TOKEN not in answer.err


def test_a_server_that_is_away_is_said(log: Log, session: MemorySession) -> None:
    access = DirectoryAccess("zitadel", "http://127.0.0.1:1", _TOKEN)
    _connect(session, replace(_connection(log), name="away", directory=access))

    answer = _catch_up(session, name="away")

    assert answer.code == 1
    assert "does not answer" in answer.err


def test_a_token_travels_over_https_only(log: Log, session: MemorySession) -> None:
    access = DirectoryAccess("zitadel", "http://login.example", _TOKEN)
    plain = replace(_connection(log), name="plain", directory=access)

    with pytest.raises(InvalidConnection, match="expected https"):
        _connect(session, plain)
    with pytest.raises(LogUnreadable, match="expected https"):
        list(changes(plain, NOON))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"directory": None}, "has no directory"),
        ({"kind": "keycloak"}, "only zitadel keeps a log"),
    ],
)
def test_where_there_is_no_log_that_is_said(
    log: Log, session: MemorySession, fields: dict[str, Any], expected: str
) -> None:
    _connect(session, replace(_connection(log), name="other", **fields))

    answer = _catch_up(session, name="other")

    assert answer.code == 2
    assert expected in answer.err


def test_what_the_ledger_has_forgotten_is_not_asked_for(session: MemorySession) -> None:
    arguments = ["connection", "catch-up", "zitadel", "--since", "8d"]

    result = CliRunner().invoke(app, arguments, obj=session)

    assert result.exit_code == 2
    assert "7 d at most" in result.stderr
