"""What ``dispatcher connection test`` finds out about the API, asked of a server of our own."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from joserfc.jwk import ECKey

from dispatcher.cli.checks.connection import api_url, check_connection
from dispatcher.cli.checks.finding import Finding, Health
from dispatcher.connection import Connection
from dispatcher.errors import DispatcherError
from dispatcher.sources import discover
from dispatcher.sources.hook import Call, NoKeys
from tests.builders import NOON
from tests.integration.oidc.issuer_server import DISCOVERY, KEYS, IssuerServer, jwk, running_issuer

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

A_KEY = jwk(ECKey.generate_key("P-256", {"use": "sig"}), kid="k1", alg="ES256")

Answer = Callable[[Call], int]
"""The status that the API answers a call with."""


def a_connection(**fields: object) -> Connection:
    plain = Connection(
        "svix",
        "standard-webhooks",
        organizations=frozenset({"acme"}),
        secrets=(SECRET,),
        secret_times=(NOON - timedelta(days=1),),
    )
    return replace(plain, **fields)  # type: ignore[arg-type] # a test says which


def honest(connection: Connection) -> Answer:
    """Answer as the API does."""
    source = discover()[connection.kind]

    def answer(call: Call) -> int:
        try:
            asyncio.run(source.verify(call, connection, NoKeys(), NOON))
        except DispatcherError as error:
            return source.refused(error).status
        return source.accepted().status

    return answer


@contextmanager
def api(answer: Answer, date: datetime = NOON) -> Iterator[str]:
    """Have an API that answers at one connection's address."""

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = answer(Call(body, headers)) if self.path == "/hooks/svix" else 404
            self.send_response_only(status)
            self.send_header("content-length", "0")
            self.send_header("date", format_datetime(date))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    running = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    running.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        running.join()
        server.server_close()


def found(connection: Connection, url: str) -> Mapping[str, Finding]:
    findings = asyncio.run(check_connection(connection, url, NOON))
    return {finding.subject: finding for finding in findings}


def of_kind(kind: str, issuer: str) -> Connection:
    plain = a_connection(kind=kind, secrets=(), secret_times=(), organization="acme")
    secret = discover()[kind].new_secret(plain, bytes(range(32))) or SECRET
    options = {"issuer": issuer} if kind == "ssf" else {}
    return a_connection(kind=kind, secrets=(secret,), organization="acme", options=options)


@pytest.fixture
def issuer() -> Iterator[IssuerServer]:
    """Return an issuer that publishes one key."""
    with running_issuer() as server:
        server.publish(A_KEY)
        yield server


@pytest.mark.parametrize("kind", discover())
def test_of_every_kind_a_connection_that_works_is_well(kind: str, issuer: IssuerServer) -> None:
    connection = of_kind(kind, issuer.url)
    with api(honest(connection)) as url:
        findings = found(connection, url)
    assert {each.health for each in findings.values()} <= {Health.OK, Health.SKIP}
    assert findings["unproven call"].health is Health.OK
    assert "proven call" in findings


def test_it_is_tried_for_whomever_it_may_speak() -> None:
    for fields in (
        {"organizations": frozenset({"*"})},
        {"organizations": frozenset(), "tenants": {"300001": "acme"}},
        {"organizations": frozenset(), "organization": "acme"},
    ):
        connection = a_connection(**fields)
        with api(honest(connection)) as url:
            assert found(connection, url)["proven call"].health is Health.OK


def test_a_connection_that_may_not_be_so_is_told_before_anything_is_tried() -> None:
    findings = found(a_connection(kind="nonsense"), "http://127.0.0.1:1")
    assert findings["connection"].health is Health.FAIL
    assert "change svix" in findings["connection"].mend
    assert len(findings) == 1


def test_where_workers_fetch_events_no_call_is_tried() -> None:
    options = {"stream_url": "redis://valkey/0", "stream": "events"}
    connection = a_connection(kind="token", secrets=("password",), options=options)
    findings = found(connection, "http://127.0.0.1:1")
    assert findings["calls"].health is Health.SKIP
    assert not any(each.health is Health.FAIL for each in findings.values())


def test_an_api_that_is_not_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        findings = found(a_connection(), f"http://127.0.0.1:{free.getsockname()[1]}")
    assert findings["API"].health is Health.FAIL
    assert "ConnectError" in findings["API"].found


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (404, "same store"),
        (429, "wait"),
        (503, "DISPATCHER_ENCRYPTION_KEYS"),
        (500, "log"),
        (308, "redirect"),
    ],
)
def test_an_api_that_answers_otherwise_is_told_with_what_to_mend(status: int, word: str) -> None:
    with api(lambda _call: status) as url:
        findings = found(a_connection(), url)
    assert findings["API"].health is Health.FAIL
    assert str(status) in findings["API"].found
    assert word in findings["API"].mend
    assert "proven call" not in findings


def test_an_api_that_takes_calls_that_nothing_proves_fails() -> None:
    with api(lambda _call: 202) as url:
        findings = found(a_connection(), url)
    assert findings["unproven call"].health is Health.FAIL
    assert findings["proven call"].health is Health.OK


def test_an_api_with_another_secret_fails() -> None:
    other = a_connection(secrets=("whsec_BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",))
    with api(honest(other)) as url:
        findings = found(a_connection(), url)
    assert findings["proven call"].health is Health.FAIL
    assert "proxy" in findings["proven call"].mend


def keys_of(**options: str) -> Finding:
    connection = a_connection(kind="ssf", secrets=(), options={"issuer": "https://i", **options})
    with api(honest(connection)) as url:
        return found(connection, url)["keys"]


def test_the_issuers_keys_are_counted(issuer: IssuerServer) -> None:
    issuer.documents["/jwks"] = {"keys": [A_KEY, {"kty": "oct"}, "x", A_KEY]}
    assert keys_of(jwks_url=f"{issuer.url}/jwks").found.endswith("2 that can be used")
    found_by_issuer = keys_of(issuer=issuer.url)
    assert found_by_issuer.health is Health.OK
    assert issuer.url in found_by_issuer.found


@pytest.mark.parametrize("document", [{}, {"keys": []}, {"keys": "x"}, [], b"nonsense"])
def test_keys_that_cannot_be_had_are_told(issuer: IssuerServer, document: object) -> None:
    issuer.documents[KEYS] = document
    assert keys_of(issuer=issuer.url).health is Health.FAIL
    issuer.documents[DISCOVERY] = document
    assert keys_of(issuer=issuer.url).health is Health.FAIL


def test_keys_that_anybody_on_the_way_could_replace_are_none() -> None:
    assert "no https address" in keys_of(jwks_url="http://acme.example/jwks").found


@pytest.mark.parametrize(
    ("ages", "health"),
    [
        ((1,), Health.OK),
        ((366,), Health.WARN),
        ((2, 400), Health.OK),
        ((31, 400), Health.WARN),
    ],
)
def test_old_secrets_are_minded(ages: tuple[int, ...], health: Health) -> None:
    times = tuple(NOON - timedelta(days=age) for age in ages)
    connection = a_connection(secrets=(SECRET,) * len(ages), secret_times=times)
    with api(honest(connection)) as url:
        findings = found(connection, url)
    assert findings["secret"].health is health
    assert ("rotate svix" in findings["secret"].mend) is (health is Health.WARN)


def test_a_clock_that_is_off_is_minded() -> None:
    with api(honest(a_connection()), NOON + timedelta(minutes=3)) as url:
        findings = found(a_connection(), url)
    assert findings["clock"].health is Health.WARN
    assert "3 min" in findings["clock"].found


@pytest.mark.parametrize(
    ("bound", "url"),
    [
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("api.acme.example:80", "http://api.acme.example:80"),
    ],
)
def test_the_api_is_looked_for_where_it_listens(
    bound: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPATCHER_HTTP_BIND", bound)
    assert api_url() == url
