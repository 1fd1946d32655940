"""``dispatcher bounce``: mails that came back, from a pipe, a Maildir, an mbox."""

import asyncio
import json
import mailbox
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.delivery import Report, Sent
from dispatcher.errors import StoreUnavailable
from dispatcher.ports import Claim
from tests.builders import an_event
from tests.unit.adapters.mail import bounce_samples as samples
from tests.unit.adapters.mail.bounce_samples import ADA, HARD
from tests.unit.cli.installation import Answer, MemorySession, Run

Pipe = Callable[[bytes], Answer]


@pytest.fixture
def session() -> MemorySession:
    """Return an installation that sent evt-1 of acme to Ada."""
    session = MemorySession()

    async def send() -> None:
        claim = await session.store.ledger.claim(an_event(), receipt="r-1")
        assert isinstance(claim, Claim)
        await session.store.ledger.record(claim, Report(Sent(), "password_change", None, ADA))

    asyncio.run(send())
    return session


@pytest.fixture
def pipe(session: MemorySession) -> Pipe:
    def pipe(raw: bytes) -> Answer:
        result = CliRunner().invoke(app, ["bounce"], obj=session, input=raw)
        return Answer(result.exit_code, result.stdout, result.stderr)

    return pipe


def is_suppressed(session: MemorySession) -> bool:
    return asyncio.run(session.store.suppressions.standing("acme", ADA)) is not None


def test_a_piped_report_is_believed_and_told_in_one_line(
    pipe: Pipe, session: MemorySession
) -> None:
    told = pipe(HARD["postfix"])
    assert told.code == 0
    assert told.out == (
        f"suppressed: address {ADA} of acme gets no more mail: there is no such mailbox "
        "(5.1.1, event evt-1)\n"
    )
    assert is_suppressed(session)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (samples.OUT_OF_OFFICE, "automatic_reply: ignored"),
        (samples.postfix(ours=""), "unproven: ignored: it bears no postmark of ours"),
        (samples.FEEDBACK, f"complaint: address {ADA} of acme still gets mail"),
        (b"\xff\x00", "no_report: ignored"),
        (b"x" * (10 * 2**20 + 9), "too_large: ignored: larger than 10 MiB"),
    ],
)
def test_what_is_ignored_is_no_failure_to_the_mail_system(
    pipe: Pipe, session: MemorySession, raw: bytes, said: str
) -> None:
    told = pipe(raw)
    assert told.code == 0
    assert told.out.startswith(said)
    assert not is_suppressed(session)


def test_a_store_that_is_away_makes_the_mail_system_try_again(
    pipe: Pipe, session: MemorySession
) -> None:
    session.away = StoreUnavailable("no answer")
    told = pipe(HARD["postfix"])
    assert (told.code, told.err) == (75, "try again later: no answer\n")


def test_a_command_that_is_pointed_at_an_empty_store_loses_no_report() -> None:
    result = CliRunner().invoke(app, ["bounce"], obj=MemorySession(), input=HARD["postfix"])
    assert result.exit_code == 75
    assert "is it the one of the workers?" in result.stderr


def test_a_maildir_is_read_once(run: Run, session: MemorySession, tmp_path: Path) -> None:
    folder = mailbox.Maildir(tmp_path / "bounces")
    folder.add(samples.OUT_OF_OFFICE)
    folder.add(HARD["gmail"])
    moved = mailbox.MaildirMessage(HARD["exim"])
    moved.set_subdir("cur")
    folder.add(moved)
    path = str(tmp_path / "bounces")
    told = json.loads(run("bounce", "--maildir", path, "--json").out)
    assert (told["counts"]["suppressed"], told["counts"]["known"]) == (1, 1)
    assert is_suppressed(session)
    assert not list((tmp_path / "bounces" / "new").iterdir())
    assert all("S" in path.name for path in (tmp_path / "bounces" / "cur").iterdir())
    assert run("bounce", "--maildir", path).out == "0 read.\n"


def test_what_the_store_could_not_take_stays_new(
    run: Run, session: MemorySession, tmp_path: Path
) -> None:
    mailbox.Maildir(tmp_path / "bounces").add(HARD["gmail"])
    session.away = StoreUnavailable("no answer")
    assert run("bounce", "--maildir", str(tmp_path / "bounces")).code == 3
    assert len(list((tmp_path / "bounces" / "new").iterdir())) == 1


def test_an_mbox_is_read_once_and_keeps_its_mails(
    run: Run, session: MemorySession, tmp_path: Path
) -> None:
    path = tmp_path / "bounces"
    box = mailbox.mbox(path)
    for raw in (HARD["gmail"], samples.OUT_OF_OFFICE):
        box.add(raw)
    box.close()
    told = run("bounce", "--mbox", str(path)).out
    assert told.endswith("2 read: 1 suppressed, 1 automatic_reply.\n")
    assert is_suppressed(session)
    assert run("bounce", "--mbox", str(path)).out == "0 read.\n"
    kept = mailbox.mbox(path)
    assert [message["Status"] for message in kept] == ["RO", "RO"]
    assert kept.get_bytes(kept.keys()[0]) == b"Status: RO\n" + HARD["gmail"]
    kept.close()


@pytest.mark.parametrize("option", ["--maildir", "--mbox"])
def test_a_folder_that_is_not_there_is_told(run: Run, tmp_path: Path, option: str) -> None:
    assert run("bounce", option, str(tmp_path / "nowhere")).code == 2


def test_one_folder_at_a_time(run: Run, tmp_path: Path) -> None:
    assert run("bounce", "--maildir", str(tmp_path), "--mbox", str(tmp_path)).code == 2
