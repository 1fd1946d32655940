"""IAMs connected as their pages say: from their call to somebody's inbox."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from dispatcher.adapters.store.vault import new_key
from tests.acceptance.system import System, dispatcher, up, wait_until
from tests.openssl import hmac_of, needs_openssl

_KEY: Final = "a-signing-key"


@contextmanager
def _system(folder: Path) -> Iterator[System]:
    sender = {"mail_from": "Acme <no-reply@acme.example>", "default_password_change": "true"}
    with up(folder, encryption_keys=new_key(), **sender) as system:
        yield system


def _connect(system: System, *arguments: str) -> None:
    file = system.folder.parent / "secret"
    file.write_text(_KEY)
    add = ("connection", "add", *arguments, f"--secret-file={file}")
    finished = dispatcher(*add, env=system.env)
    assert finished.returncode == 0, finished.stderr


def _call(system: System, name: str, body: bytes, headers: Mapping[str, str]) -> int:
    url = f"{system.api()}/hooks/{name}"
    return httpx.post(url, content=body, headers=headers, trust_env=False).status_code


def _body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def _files_with(folder: Path, text: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


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
