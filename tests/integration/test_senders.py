"""Organizations' senders end to end: set by the task, kept in Valkey, sent over real relays."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

import pytest
from redis import Redis

from dispatcher import updates
from dispatcher.adapters.store.vault import new_key
from dispatcher.bootstrap_worker import Services, open_services
from dispatcher.delivery import DeferReason, Deferred, Outcome, Sent
from dispatcher.errors import SenderUnreadable
from dispatcher.settings import Settings
from tests.builders import a_user, an_event
from tests.integration.services import NoQueue
from tests.smtp_server import Act, At, Rule, ScriptedRelay

KEY = new_key()


@asynccontextmanager
async def _open(url: str, instance: ScriptedRelay, **settings: Any) -> AsyncIterator[Services]:
    usual: dict[str, Any] = {
        "smtp_url": _at(instance),
        "mail_from": "Instance <no-reply@instance.example>",
        "contact": "security@instance.example",
        "default_password_change": True,
        "encryption_keys": KEY,
        "sender_local_relays": True,
    }
    read = Settings(**usual | settings)
    async with open_services(read, url, NoQueue()) as services:
        yield services


async def _set(services: Services, org: str, **body: Any) -> Mapping[str, Any]:
    return await updates.update_sender(services, ((org, body), {}))


async def _tell(services: Services, org: str, number: int = 1) -> Outcome:
    event = an_event(
        f"evt-{org}-{number}",
        org=org,
        user=a_user(email=f"person{number}@example.org"),
        occurred_at=datetime.now(UTC),
    )
    return await services.dispatcher.dispatch(event, receipt=f"m-{org}-{number}")


def _at(relay: ScriptedRelay) -> str:
    return f"smtp://127.0.0.1:{relay.port}?tls=none"


def _run(story: Callable[[], Awaitable[None]]) -> None:
    async def told() -> None:
        await story()

    asyncio.run(told())


def _header(relay: ScriptedRelay, name: str, at: int = 0) -> str | None:
    found = message_from_bytes(relay.messages[at].unstuffed)[name]
    return None if found is None else str(found)


def test_each_organization_is_told_of_by_its_own_name_and_over_its_own_relay(url: str) -> None:
    async def story() -> None:
        async with _open(url, instance) as services:
            answer = await _set(
                services,
                "acme",
                mailFrom="Acme Security <no-reply@acme.example>",
                replyTo="help@acme.example",
                relays=_at(acme),
            )
            assert answer["details"]["sequence"] == "1"
            assert answer["details"]["resourceOwner"] == "acme"
            await _set(services, "globex", relays=_at(globex))
            await _set(services, "initech", mailFrom="Initech <no-reply@initech.example>")
            for org in ("acme", "globex", "initech", "umbrella"):
                assert await _tell(services, org) == Sent()

    with ScriptedRelay() as instance, ScriptedRelay() as acme, ScriptedRelay() as globex:
        _run(story)
    assert (acme.accepted, globex.accepted, instance.accepted) == (1, 1, 2)
    assert acme.messages[0].sender == "no-reply@acme.example"
    assert _header(acme, "From") == '"Acme Security" <no-reply@acme.example>'
    assert _header(acme, "Reply-To") == "help@acme.example"
    assert str(_header(acme, "Message-ID")).endswith("@acme.example>")
    text = acme.messages[0].unstuffed.decode()
    assert "Acme Security" in text.partition("\r\n\r\n")[2]
    assert "Instance" not in text
    assert _header(globex, "From") == '"Instance" <no-reply@instance.example>'
    assert _header(globex, "Reply-To") == "security@instance.example"
    senders = {_header(instance, "From", at) for at in range(2)}
    assert senders == {
        '"Initech" <no-reply@initech.example>',
        '"Instance" <no-reply@instance.example>',
    }


def test_a_change_counts_from_the_next_event_on(url: str) -> None:
    async def story() -> None:
        async with _open(url, instance) as services:
            assert await _tell(services, "acme", 1) == Sent()
            await _set(services, "acme", relays=_at(acme))
            assert await _tell(services, "acme", 2) == Sent()
            await _set(services, "acme", relays=None)
            assert await _tell(services, "acme", 3) == Sent()

    with ScriptedRelay() as instance, ScriptedRelay() as acme:
        _run(story)
    assert (instance.accepted, acme.accepted) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("acme",), "expected a JSON object"),
        (("acme", {}), "the body changes nothing"),
        (("acme", {"mailFrom": 5}), "mailFrom: expected a string or null"),
        (("acme", {"mailFrom": "x", "mail_from": "y"}), "mailFrom is set twice"),
        (("acme", {"mailFrom": "nobody"}), "the sender must be one mailbox"),
        (("acme", {"relays": "smtp://u:s3cret@h?tls=none"}), "clear text"),
        (("a b", {"replyTo": None}), "the organization's id first"),
        (("acme", {"replyTo": None}, 3), "two positional arguments"),
    ],
)
def test_bad_input_never_fails_the_task_and_shows_no_secret(
    url: str, arguments: tuple[object, ...], message: str
) -> None:
    async def story() -> None:
        async with _open(url, instance) as services:
            answer = await updates.update_sender(services, (arguments, {}))
            assert answer["code"] == 3
            assert message in answer["message"]
            assert answer["details"][0]["id"] == "SENDER-invalid"
            assert "s3cret" not in str(answer)

    with ScriptedRelay() as instance:
        _run(story)


def test_without_a_key_no_relay_is_kept_and_the_answer_says_what_to_do(url: str) -> None:
    async def story() -> None:
        async with _open(url, instance, encryption_keys=None) as services:
            answer = await _set(services, "acme", relays="smtp://u:s3cret@mail.acme.example")
            assert answer["code"] == 9
            assert "dispatcher key create" in answer["message"]
            assert "details" in await _set(services, "acme", mailFrom="a@acme.example")

    with ScriptedRelay() as instance:
        _run(story)


def test_credentials_are_nowhere_in_the_store(url: str) -> None:
    async def story() -> None:
        async with _open(url, instance) as services:
            await _set(services, "acme", relays="smtp://ada:s3cret@mail.acme.example:587")

    with ScriptedRelay() as instance:
        _run(story)
    with Redis.from_url(url) as client:
        record = client.get("nd:sender:acme")
    assert isinstance(record, bytes)
    assert not any(word in record for word in (b"s3cret", b"ada", b"mail.acme.example"))


def test_without_its_key_an_organizations_mails_wait_and_are_never_sent_another_way(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story() -> None:
        async with _open(url, instance) as services:
            await _set(services, "acme", relays=_at(acme))
        async with _open(url, instance, encryption_keys=new_key()) as services:
            for number in range(3):
                outcome = await _tell(services, "acme", number)
                assert isinstance(outcome, Deferred)
                assert (outcome.reason, outcome.burns) == (DeferReason.SENDER_UNREADABLE, False)
            assert await _tell(services, "globex") == Sent()
            refused = await _set(services, "acme", replyTo="help@acme.example")
            assert "set relays, too" in refused["message"]
            assert "details" in await _set(services, "acme", relays=_at(acme))
            assert await _tell(services, "acme", 4) == Sent()

    with ScriptedRelay() as instance, ScriptedRelay() as acme:
        _run(story)
    assert (instance.accepted, acme.accepted) == (1, 1)
    told = [line for line in capsys.readouterr().out.splitlines() if "the sender of acme" in line]
    assert len(told) == 1


def test_another_organizations_record_does_not_open_where_it_was_moved_to(url: str) -> None:
    async def story() -> None:
        async with _open(url, instance) as services:
            await _set(services, "acme", relays=_at(acme))
            with Redis.from_url(url) as client:
                client.copy("nd:sender:acme", "nd:sender:mallory")
            outcome = await _tell(services, "mallory")
            assert isinstance(outcome, Deferred)
            assert outcome.reason is DeferReason.SENDER_UNREADABLE

    with ScriptedRelay() as instance, ScriptedRelay() as acme:
        _run(story)
    assert (instance.accepted, acme.accepted) == (0, 0)


def test_a_key_is_rotated_while_mail_goes_on(url: str) -> None:
    new = new_key()

    async def story() -> None:
        async with _open(url, instance) as services:
            for org in ("acme", "globex"):
                await _set(services, org, relays=_at(acme))
            await _set(services, "initech", replyTo="help@initech.example")
        async with _open(url, instance, encryption_keys=f"{new},{KEY}") as services:
            assert await _tell(services, "acme", 1) == Sent()
            before = (await services.senders.get("acme")).sequence
            assert await services.senders.rotate() == 2
            assert await services.senders.rotate() == 0
            assert (await services.senders.get("acme")).sequence == before
        async with _open(url, instance, encryption_keys=new) as services:
            assert await _tell(services, "acme", 2) == Sent()
        async with _open(url, instance) as services:
            with pytest.raises(SenderUnreadable):
                await services.senders.get("acme")

    with ScriptedRelay() as instance, ScriptedRelay() as acme:
        _run(story)
    assert (instance.accepted, acme.accepted) == (0, 2)


def test_an_organization_whose_relay_hangs_does_not_hold_up_another(url: str) -> None:
    async def story() -> None:
        async with _open(url, instance, concurrency=16) as services:
            await _set(services, "acme", relays=_at(hanging))
            await _set(services, "globex", relays=_at(globex))
            slots = asyncio.Semaphore(16)

            async def work(org: str, number: int) -> Outcome:
                async with slots:
                    return await _tell(services, org, number)

            stuck = [asyncio.create_task(work("acme", number)) for number in range(64)]
            async with asyncio.timeout(10):
                fine = await asyncio.gather(*(work("globex", number) for number in range(16)))
            assert set(fine) == {Sent()}
            refused = [task.result() for task in stuck if task.done()]
            assert {outcome.reason for outcome in refused if isinstance(outcome, Deferred)} == {
                DeferReason.THROTTLED
            }
            for task in stuck:
                task.cancel()
            await asyncio.wait(stuck)

    with (
        ScriptedRelay() as instance,
        ScriptedRelay(Rule(At.RCPT, act=Act.HANG)) as hanging,
        ScriptedRelay() as globex,
    ):
        _run(story)
    assert (globex.accepted, instance.accepted) == (16, 0)
