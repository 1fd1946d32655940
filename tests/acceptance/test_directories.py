"""An event that names nobody's address, from its call to the inbox of whom it is about."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Final

import httpx

from dispatcher.adapters.store.vault import new_key
from dispatcher.delivery import SkipReason, State
from dispatcher.sources.zitadel_signature import sign
from tests.acceptance.system import System, dispatcher, up, wait_until
from tests.integration.directory.office import SECRET, TENANT, Asked, Office, Person, http, opened

_KEY: Final = "a-signing-key"
_EVENT: Final = "zitadel:iam:i-1/{}/7"


@contextmanager
def _running(office: Office) -> Iterator[Office]:
    """Let an office answer beside the test, in a thread."""
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        async with opened(office):
            await done.wait()

    thread = Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        wait_until(lambda: office.url, "the directory answers")
        yield office
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def _connect(system: System, office: Office) -> None:
    folder = system.folder.parent
    (folder / "key").write_text(_KEY)
    (folder / "pat").write_text(SECRET)
    finished = dispatcher(
        *("connection", "add", "iam", "--kind=zitadel", f"--tenant={TENANT}=acme"),
        *(f"--secret-file={folder / 'key'}", "--directory", "zitadel", office.url),
        f"--directory-secret-file={folder / 'pat'}",
        env=system.env,
    )
    assert finished.returncode == 0, finished.stderr


def _tell(system: System, user_id: str) -> None:
    """Call as ZITADEL does: no address, and an administrator who acted."""
    now = datetime.now(UTC)
    event = {
        "aggregateID": user_id,
        "resourceOwner": TENANT,
        "instanceID": "i-1",
        "sequence": 7,
        "event_type": "user.human.password.changed",
        "created_at": now.isoformat(),
        "userID": "u-admin",
    }
    body = json.dumps(event).encode()
    headers = {"zitadel-signature": sign(body, _KEY, now), "content-type": "application/json"}
    url = f"{system.api()}/hooks/iam"
    assert httpx.post(url, content=body, headers=headers, trust_env=False).status_code == 202


def test_an_event_without_an_address_becomes_a_mail_to_whom_it_is_about(tmp_path: Path) -> None:
    office = Office("zitadel")
    office.has(
        Person("u-1", "mira@example.org", name="Mira Voss", locale="fr"),
        Person("u-2", active=False),
        Person("u-admin", "admin@example.org"),
    )
    sender = {"mail_from": "Acme <no-reply@acme.example>", "default_password_change": "true"}
    with _running(office), up(tmp_path / "var", encryption_keys=new_key(), **sender) as system:
        _connect(system, office)
        tried = system.ask("connection", "test", "iam", "--url", system.api(), "--user", "u-1")
        assert tried["healthy"], tried
        assert "m…@example.org; Mira Voss" in str(tried)

        _tell(system, "u-1")
        assert system.settled(_EVENT.format("u-1"), org_id="acme").state is State.SENT
        (mail,) = system.mails()
        (to,) = mail["To"].addresses
        assert (to.addr_spec, to.display_name) == ("mira@example.org", "Mira Voss")
        assert mail["Content-Language"] == "fr"

        _tell(system, "u-2")
        left = system.settled(_EVENT.format("u-2"), org_id="acme")
        assert left.reason == SkipReason.USER_INACTIVE

        _away_and_back(system, office)


def _away_and_back(system: System, office: Office) -> None:
    async def away(_asked: Asked) -> bytes:
        return http(503, {})

    office.has(Person("u-3", "ben@example.org"))
    office.override = away
    _tell(system, "u-3")
    event_id = _EVENT.format("u-3")

    def waits() -> bool:
        (found,) = system.look(lambda log: log.find(event_id, org_id="acme")) or (None,)
        return found is not None and found.state is State.DEFERRED

    wait_until(waits, "it is put off")
    assert "does not answer" in str(system.ask("why", event_id, "--org", "acme"))
    office.override = None
    told = system.settled(event_id, org_id="acme")
    assert (told.state, told.attempts) == (State.SENT, 1), "no attempt was spent on the outage"
    assert len(system.mails_to("ben@example.org")) == 1
