"""ZITADEL and Keycloak connected as their pages say: from their call to somebody's inbox."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import httpx

from dispatcher.adapters.store.vault import new_key
from tests.acceptance.system import System, dispatcher, up, wait_until
from tests.openssl import hmac_of, needs_openssl

_KEY: Final = "a-signing-key"
_HASH: Final = "$2a$14$hunter2"

Answer = Callable[[str, Mapping[str, Any]], object]
"""What an IAM's API answers, by path and body; None for 404."""


@contextmanager
def _iam(answer: Answer) -> Iterator[str]:
    """Run an IAM's API."""

    class Desk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(answer(self.path, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"] or 0))
            is_json = "json" in self.headers["content-type"]
            self._reply(answer(self.path, json.loads(body) if is_json else {}))

        def _reply(self, found: object) -> None:
            body = json.dumps(found).encode()
            self.send_response_only(404 if found is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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


@contextmanager
def _system(folder: Path) -> Iterator[System]:
    sender = {"mail_from": "Acme <no-reply@acme.example>", "default_password_change": "true"}
    places = {"http_bind": "127.0.0.1:0", "grpc_bind": "127.0.0.1:0"}
    with up(folder, encryption_keys=new_key(), **sender, **places) as system:
        yield system


def _connect(system: System, *arguments: str) -> None:
    file = system.folder.parent / "secret"
    file.write_text(_KEY)
    add = ("connection", "add", *arguments, f"--secret-file={file}")
    finished = dispatcher(*add, env=system.env)
    assert finished.returncode == 0, finished.stderr


def _directory(system: System, kind: str, url: str) -> tuple[str, ...]:
    file = system.folder.parent / "token"
    file.write_text("a-token")
    return "--directory", kind, url, f"--directory-secret-file={file}"


def _call(system: System, name: str, body: bytes, headers: Mapping[str, str]) -> int:
    url = f"{system.api()}/hooks/{name}"
    return httpx.post(url, content=body, headers=headers, trust_env=False).status_code


def _body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def _files_with(folder: Path, text: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


def _zitadel_user(number: int) -> dict[str, Any]:
    return {
        "userId": f"u-{number}",
        "state": "USER_STATE_ACTIVE",
        "preferredLoginName": f"ada-{number}@acme",
        "details": {"resourceOwner": "300001"},
        "human": {
            "profile": {"displayName": "Ada Lovelace", "preferredLanguage": "de"},
            "email": {"email": f"ada-{number}@example.org", "isVerified": True},
        },
    }


def _zitadel(path: str, asked: Mapping[str, Any]) -> object:
    if path == "/admin/v1/instances/me":
        return {"instance": {"id": "i-1"}}
    if path == "/admin/v1/events/_search":
        return {"events": [_logged(1), _logged(2)]}
    if path == "/v2/users":
        ids = json.dumps(asked)
        users = [_zitadel_user(number) for number in (1, 2) if f'"u-{number}"' in ids]
        return {"details": {"totalResult": str(len(users))}, "result": users}
    number = path.removeprefix("/v2/users/u-")
    return {"user": _zitadel_user(int(number))} if number.isdecimal() else None


def _logged(number: int) -> dict[str, Any]:
    return {
        "editor": {"userId": f"u-{number}"},
        "aggregate": {"id": f"u-{number}", "resourceOwner": "300001"},
        "sequence": "7",
        "creationDate": datetime.now(UTC).isoformat(),
        "payload": {"encodedHash": _HASH},
        "type": {"type": "user.human.password.changed"},
    }


def _zitadel_call(at: datetime) -> tuple[bytes, dict[str, str]]:
    body = _body(
        aggregateID="u-1",
        resourceOwner="300001",
        instanceID="i-1",
        sequence=7,
        event_type="user.human.password.changed",
        created_at=at.isoformat(),
        userID="300777",
        event_payload={"encodedHash": _HASH},
    )
    seconds = int(at.timestamp())
    signature = hmac_of(f"{seconds}.".encode() + body, _KEY.encode())
    return body, {"zitadel-signature": f"t={seconds},v1={signature}"}


@needs_openssl
def test_zitadel_tells_of_a_change_and_its_log_of_one_that_nobody_heard(tmp_path: Path) -> None:
    with _iam(_zitadel) as url, _system(tmp_path / "var") as system:
        _connect(
            system, "zitadel", "--kind=zitadel", "--org=*", *_directory(system, "zitadel", url)
        )
        body, headers = _zitadel_call(datetime.now(UTC))

        assert _call(system, "zitadel", body + b" ", headers) == 401
        assert [_call(system, "zitadel", body, headers) for _ in range(2)] == [202, 202]

        first = system.settled("zitadel:zitadel:i-1/u-1/7", org_id="300001")
        assert first.state == "sent"
        missed = "zitadel:zitadel:i-1/u-2/7"
        caught = system.ask("connection", "catch-up", "zitadel", "--since", "1h")
        assert caught["missing"] == [{"org_id": "300001", "id": missed}]
        assert system.settled(missed, org_id="300001").state == "sent"
        for number in (1, 2):
            (mail,) = system.mails_to(f"ada-{number}@example.org")
            assert mail["Content-Language"] == "de"
        assert not system.mails_to("300777")
        assert not _files_with(tmp_path, _HASH.encode())
        assert _HASH not in system.log()


def _message(kind: str, **args: str) -> tuple[bytes, dict[str, str]]:
    body = _body(
        contextInfo={"eventType": kind, "recipientEmailAddress": "new@example.org"},
        templateData={"url": "https://id.example/?code=0M53RF"},
        args={"changeDate": datetime.now(UTC).isoformat(), "lastEmail": "new@example.org"} | args,
    )
    seconds = int(datetime.now(UTC).timestamp())
    signature = hmac_of(f"{seconds}.".encode() + body, _KEY.encode())
    return body, {"zitadel-signature": f"t={seconds},v1={signature}"}


@needs_openssl
def test_zitadels_provider_tells_both_mailboxes_and_sends_no_codes(tmp_path: Path) -> None:
    with _system(tmp_path / "var") as system:
        _connect(system, "mail", "--kind=zitadel-notifications", "--organization=acme")
        told = _message("user.human.password.changed", verifiedEmail="old@example.org")
        code = _message("user.human.password.code.added", code="0M53RF")

        assert _call(system, "mail", *told) == 202
        assert _call(system, "mail", *code) == 422

        wait_until(lambda: len(system.mails()) == 2, "both mailboxes are told")
        for address in ("new@example.org", "old@example.org"):
            assert len(system.mails_to(address)) == 1
        assert not _files_with(tmp_path, b"0M53RF")


def _keycloak(path: str, asked: Mapping[str, Any]) -> object:
    del asked
    if path.endswith("/token"):
        return {"access_token": "a", "expires_in": 60, "token_type": "Bearer"}
    user = {"id": "u-1", "email": "ada@example.org", "emailVerified": True, "enabled": True}
    return user if path == "/admin/realms/acme/users/u-1" else None


def _keycloak_call(**fields: Any) -> tuple[bytes, dict[str, str]]:
    event = {
        "time": int(datetime.now(UTC).timestamp() * 1000),
        "realmName": "acme",
        "authDetails": {"userId": "u-1", "clientId": "account-console"},
        "details": {"credential_type": "password"},
    }
    body = _body(**event | fields)
    return body, {"x-keycloak-signature": hmac_of(body, _KEY.encode())}


@needs_openssl
def test_keycloaks_twins_are_one_mail_and_an_administrator_gets_none(tmp_path: Path) -> None:
    with _iam(_keycloak) as url, _system(tmp_path / "var") as system:
        _connect(
            system,
            "keycloak",
            "--kind=keycloak",
            "--tenant=acme=acme",
            "--directory-option=client_id=dispatcher",
            *_directory(system, "keycloak", url),
        )
        for number, kind in enumerate(("UPDATE_CREDENTIAL", "UPDATE_PASSWORD")):
            body, headers = _keycloak_call(id=f"e-{number}", type=f"access.{kind}")
            assert _call(system, "keycloak", body, headers) == 202
        assert system.settled("keycloak:keycloak:e-0").state == "sent"
        assert system.settled("keycloak:keycloak:e-1").reason == "duplicate"

        body, headers = _keycloak_call(
            id="e-2",
            time=int(datetime.now(UTC).timestamp() * 1000) + 60_000,
            type="admin.USER-ACTION",
            operationType="ACTION",
            resourceType="USER",
            resourcePath="users/u-1/reset-password",
            authDetails={"userId": "root", "ipAddress": "198.51.100.9"},
        )
        assert _call(system, "keycloak", body, headers) == 202
        assert system.settled("keycloak:keycloak:e-2").state == "sent"

        mails = system.mails_to("ada@example.org")
        assert len(mails) == len(system.mails()) == 2
        assert "198.51.100.9" not in mails[1].as_string()
