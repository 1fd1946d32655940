"""A copy of the stack's Valkey, taken while it works, is a whole installation again elsewhere."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from celery import Celery

from tests.acceptance.stack_services import PATIENCE, running_worker, until
from tests.acceptance.stack_valkey import START, StackValkey, passwords, running
from tests.acceptance.system import an_event
from tests.faults.load import Load, Publisher
from tests.smtp_server import ScriptedRelay

BACKUP: Final = START.with_name("backup.sh")
EVENTS: Final = 40
CLIENT: Final = shutil.which("valkey-cli") or shutil.which("redis-cli")

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(CLIENT is None, reason="valkey-cli and redis-cli are not installed"),
]


def _back_up(valkey: StackValkey, folder: Path, password: str) -> Path:
    """Run the script as it runs in the server's container."""
    assert CLIENT is not None
    programs = folder / "programs"
    programs.mkdir()
    (programs / "valkey-cli").symlink_to(CLIENT)
    copy = folder / "backup.tar.gz"
    with copy.open("wb") as written:
        done = subprocess.run(
            ["sh", BACKUP],
            stdout=written,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=PATIENCE,
            env={
                "PATH": f"{programs}:{os.environ['PATH']}",
                "VALKEY_ADMIN_PASSWORD": password,
                "VALKEY_SOCKET": str(valkey.socket),
                "VALKEY_DATA": str(valkey.folder),
            },
        )
    assert done.returncode == 0, done.stderr
    return copy


@contextmanager
def _at_work(valkey: StackValkey, relay: ScriptedRelay, folder: Path) -> Iterator[None]:
    """Have a worker mail over the relay."""
    folder.mkdir()
    url = f"smtp://127.0.0.1:{relay.port}?tls=none"
    with running_worker(valkey, folder, smtp_url=url, metrics_bind=""):
        yield


def _producer(valkey: StackValkey) -> Celery:
    url = valkey.url(f"redis://producer:{passwords()['producer']}@valkey:6379/0")
    return Celery("anybody", broker=url, backend=url, set_as_current=False)


def _publish(producer: Celery, events: list[dict[str, Any]]) -> None:
    for event in events:
        producer.send_task("dispatcher.password_changed", [event], queue="notifications")


def _sent(valkey: StackValkey) -> int:
    with valkey.client("admin") as admin:
        return int(admin.hget("nd:n", "sent") or 0)


def test_a_copy_taken_at_work_goes_on_where_it_was_taken(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with ScriptedRelay() as relay:
        with running(first, passwords()) as valkey, _producer(valkey) as producer:
            with _at_work(valkey, relay, tmp_path / "before"):
                producer.send_task(
                    "dispatcher.update_notification_policy",
                    ["acme", {"passwordChange": True}],
                    queue="policies",
                ).get(timeout=PATIENCE)
                _publish(producer, [an_event(f"old-{n}") for n in range(EVENTS)])
                until(lambda: _sent(valkey) == EVENTS, "the first events are mailed")
            _publish(producer, [an_event(f"new-{n}") for n in range(EVENTS)])
            with valkey.client("worker") as client:
                load = Load(1)
                busy = Publisher(client, load, load.events(1_000, "other"), {}, rate=1_000)
                busy.start()
                copy = _back_up(valkey, tmp_path, passwords()["admin"])
                busy.done()
            with valkey.client("admin") as admin:
                restored = admin.config_get("auto-aof-rewrite-percentage")

        with tarfile.open(copy) as packed:
            packed.extractall(second, filter="data")
        with (
            running(second, passwords()) as valkey,
            _at_work(valkey, relay, tmp_path / "after"),
        ):
            until(lambda: _sent(valkey) == 2 * EVENTS, "what waited is mailed from the copy")

    mailed = [mail.recipients[0].partition("@")[0] for mail in relay.messages]
    assert sorted(mailed) == sorted(f"{age}-{n}" for age in ("old", "new") for n in range(EVENTS))
    assert restored["auto-aof-rewrite-percentage"] == "100"


def test_a_copy_with_the_wrong_password_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "valkey"
    folder.mkdir()
    with (
        running(folder, passwords()) as valkey,
        pytest.raises(AssertionError, match="WRONGPASS"),
    ):
        _back_up(valkey, tmp_path, "somebody else's")
