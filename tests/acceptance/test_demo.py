"""``dispatcher demo``: the main job on real input, from nothing, checked line by line."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from dispatcher.adapters.standalone.valkey import EmbeddedValkey
from dispatcher.cli.demo_examples import Example, load_events
from dispatcher.errors import MalformedEvent
from dispatcher.sources import native
from tests.acceptance.system import dispatcher, environment, processes_of, wait_until

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
EXAMPLES = load_events(NOW)
SECRETS = (b"EXAMPLEpasswordMaterial", b"EXAMPLE-passwordMaterial")


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory,
) -> "tuple[Path, subprocess.CompletedProcess[str]]":
    folder = tmp_path_factory.mktemp("demo") / "var"
    return folder, dispatcher("demo", "--json", env=environment(folder))


def test_every_example_comes_to_the_outcome_it_expects(
    run: "tuple[Path, subprocess.CompletedProcess[str]]",
) -> None:
    folder, finished = run
    told = json.loads(finished.stdout)
    wrong = [event for event in told["events"] if not event["ok"]]
    failed = [check for check in told["checks"] if not check["ok"]]
    assert (wrong, failed) == ([], [])
    assert finished.returncode == 0, finished.stderr
    assert told["ok"]
    assert len(told["events"]) == len(EXAMPLES) >= 40
    totals = told["totals"]
    assert totals["accepted"] == totals["sent"] + totals["skipped"] + totals["dead"]
    assert processes_of(folder) == {}


def test_the_mails_are_well_formed(
    run: "tuple[Path, subprocess.CompletedProcess[str]]",
) -> None:
    folder, _ = run
    files = sorted((folder / "demo" / "inbox").glob("*.eml"))
    assert len(files) == sum(example.expect.outcome == "sent" for example in EXAMPLES)
    for file in files:
        mail = message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=policy.default)
        names = Counter(name.lower() for name in mail)
        for name in ("from", "to", "subject", "message-id", "date"):
            assert names[name] == 1, (file, name)
        assert names["bcc"] == 0
        assert [part.get_content_type() for part in mail.walk()] == [
            "multipart/alternative",
            "text/plain",
            "text/html",
        ]
        assert all(not part.defects for part in mail.walk())


def test_password_material_is_nowhere(
    run: "tuple[Path, subprocess.CompletedProcess[str]]",
) -> None:
    folder, _ = run
    written = [folder / "demo" / "worker.log", *(folder / "demo" / "inbox").iterdir()]
    kept = [path.read_bytes() for path in written] + _everything_stored(folder / "demo" / "valkey")
    assert len(kept) > len(EXAMPLES)
    assert not [content for content in kept for secret in SECRETS if secret in content]


def _everything_stored(folder: Path) -> list[bytes]:
    valkey = EmbeddedValkey(folder)
    valkey.start()
    try:
        with Redis(unix_socket_path=str(valkey.socket)) as client:
            return [repr(_value(client, key)).encode() for key in client.scan_iter("*")]
    finally:
        valkey.stop()


def _value(client: Any, key: bytes) -> object:
    readers: dict[bytes, Callable[[], object]] = {
        b"string": lambda: client.get(key),
        b"hash": lambda: client.hgetall(key),
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"stream": lambda: client.xrange(key),
    }
    return key, readers[client.type(key)]()


def test_it_prints_a_table_whatever_the_settings_and_leaves_nothing_running(tmp_path: Path) -> None:
    env = environment(tmp_path, default_password_change="true", broker_url="redis://127.0.0.1:1")
    finished = dispatcher("demo", "--data-dir", str(tmp_path / "own"), env=env)
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr
    assert "Event → decision → mail" in finished.stdout
    assert "\x1b[" not in finished.stdout
    rows = [line for line in finished.stdout.splitlines() if line.startswith("✓")]
    assert len(rows) >= len(EXAMPLES)
    assert "All as expected." in finished.stdout
    assert str(tmp_path / "own" / "inbox") in finished.stdout
    assert processes_of(tmp_path) == {}


def test_ctrl_c_stops_everything(tmp_path: Path) -> None:
    with subprocess.Popen(
        (sys.executable, "-m", "dispatcher", "demo"),
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as demo:
        inbox = tmp_path / "demo" / "inbox"
        wait_until(lambda: demo.poll() is not None or list(inbox.glob("*.eml")), "mails come")
        demo.send_signal(signal.SIGINT)
        _, error = demo.communicate(timeout=60)
    assert demo.returncode == 130, error
    assert b"Traceback" not in error
    assert processes_of(tmp_path) == {}


def test_it_touches_no_folder_that_is_not_its_own(tmp_path: Path) -> None:
    theirs = tmp_path / "inbox" / "mine.eml"
    theirs.parent.mkdir()
    theirs.write_text("keep me")
    refused = dispatcher("demo", "--data-dir", str(tmp_path), env=environment(tmp_path))
    assert refused.returncode == 2
    assert "--data-dir" in refused.stderr
    assert theirs.read_text() == "keep me"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"line-{example.line}")
def test_an_example_is_what_it_says(example: Example) -> None:
    assert example.note
    if example.expect.reason != "malformed":
        native.parse(example.event)
        return
    with pytest.raises(MalformedEvent) as caught:
        native.parse(example.event)
    assert example.expect.detail in str(caught.value)
