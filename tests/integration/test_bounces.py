"""From a mail to its bounce and back, over a real Valkey and real SMTP conversations."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from dispatcher import bootstrap
from dispatcher.bootstrap_worker import open_services
from dispatcher.cli import app
from dispatcher.delivery import Dead, DeadReason, Outcome, Sent, Skipped, SkipReason
from dispatcher.settings import load_settings
from tests.builders import a_user, an_event
from tests.integration.postfix import running_postfix
from tests.integration.services import NoQueue
from tests.smtp_server import At, Received, Rule, ScriptedRelay
from tests.unit.adapters.mail.bounce_samples import postfix

ADDRESS = "ada@example.org"
NOBODY = Rule(At.RCPT, "550 5.1.1 <ada@example.org>: User unknown", recipient="ada@")


@pytest.fixture
def settle(url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what points the settings to an empty store and to a relay's port."""

    def settle(port: int) -> None:
        for name, value in {
            "BROKER_URL": url.replace("unix://", "redis+socket://"),
            "STORE_URL": url.replace("unix://", "redis+socket://"),
            "SMTP_URL": f"smtp://127.0.0.1:{port}?tls=none",
            "MAIL_FROM": "Acme <no-reply@acme.example>",
            "BOUNCE_ADDRESS": "bounces@acme.example",
            "DEFAULT_PASSWORD_CHANGE": "true",
        }.items():
            monkeypatch.setenv(f"DISPATCHER_{name}", value)

    return settle


def tell(number: int, org: str = "acme") -> Outcome:
    """Return what becomes of an event for Ada."""

    async def told() -> Outcome:
        settings = load_settings()
        url = bootstrap.endpoints(settings).store_url
        async with open_services(settings, url, NoQueue()) as services:
            event = an_event(
                f"evt-{number}",
                org=org,
                user=a_user(email=ADDRESS),
                occurred_at=datetime.now(UTC),
            )
            return await services.dispatcher.dispatch(event, receipt=f"m-{org}-{number}")

    return asyncio.run(told())


def run(*arguments: str, stdin: bytes = b"") -> str:
    done = CliRunner().invoke(app, list(arguments), input=stdin)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def is_suppressed(outcome: Outcome) -> bool:
    return isinstance(outcome, Skipped) and outcome.reason is SkipReason.SUPPRESSED


def came_back(mail: Received) -> bytes:
    head = mail.unstuffed.partition(b"\r\n\r\n")[0].decode().replace("\r\n", "\n")
    return postfix(ours=f"{head}\n")


def test_a_bounce_ends_the_mails_to_an_address_until_a_person_allows_them_again(
    settle: Callable[[int], None],
) -> None:
    with ScriptedRelay() as relay:
        settle(relay.port)
        assert tell(1) == Sent()
        (mail,) = relay.messages
        assert mail.sender == f"bounces+{mail.message_id[1:].partition('@')[0]}@acme.example"
        assert "suppressed: address" in run("bounce", stdin=came_back(mail))
        assert is_suppressed(tell(2))
        assert tell(3, org="globex") == Sent()
        assert "the mail came back: 5.1.1" in run("why", "evt-1")
        assert "hard_bounce, for acme" in run("why", "evt-2")
        run("suppress", "remove", ADDRESS.upper(), "--org", "acme")
        assert tell(4) == Sent()


def test_a_mailbox_that_the_relay_refuses_gets_no_further_mail(
    settle: Callable[[int], None],
) -> None:
    with ScriptedRelay(NOBODY) as relay:
        settle(relay.port)
        refused = tell(1)
        assert isinstance(refused, Dead)
        assert refused.reason is DeadReason.REJECTED_RECIPIENT
        assert is_suppressed(tell(2))
        assert "hard_bounce" in run("suppress", "list", "--org", "acme")
        run("suppress", "remove", ADDRESS, "--org", "acme")
        relay.rules = ()
        assert tell(3) == Sent()


def test_postfixs_own_report_is_understood(settle: Callable[[int], None]) -> None:
    with ScriptedRelay(NOBODY) as relay, running_postfix(relay.port) as port:
        settle(port)
        assert tell(1) == Sent()
        relay.wait_for(lambda far: bool(far.messages), timeout=30)
        (report,) = relay.messages
        assert report.sender == ""
        assert report.recipients[0].startswith("bounces+")
        told = run("bounce", stdin=report.unstuffed)
        assert told.startswith("suppressed: address")
        assert "(5.1.1, event evt-1)" in told
        assert is_suppressed(tell(2))
