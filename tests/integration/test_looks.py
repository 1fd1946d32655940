"""Organizations' looks end to end: set by the tasks, kept in Valkey, seen in what a relay got."""

import asyncio
import email
import email.policy
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any

import pytest

from dispatcher import updates
from dispatcher.bootstrap_worker import Services, open_services
from dispatcher.delivery import Sent
from dispatcher.settings import Settings
from tests.builders import a_png, a_user, an_event
from tests.integration.services import NoQueue
from tests.smtp_server import ScriptedRelay


@asynccontextmanager
async def _open(url: str, relay: ScriptedRelay) -> AsyncIterator[Services]:
    usual: dict[str, Any] = {
        "smtp_url": f"smtp://127.0.0.1:{relay.port}?tls=none",
        "mail_from": "Instance <no-reply@instance.example>",
        "contact": "security@instance.example",
        "default_password_change": True,
        "max_age": 10**9,
    }
    async with open_services(Settings(**usual), url, NoQueue()) as services:
        yield services


async def _send(services: Services, event_id: str, org: str = "acme") -> None:
    event = an_event(event_id, org=org, user=a_user(locale="de"))
    outcome = await services.dispatcher.dispatch(event, receipt=event_id)
    assert outcome == Sent()


def _last(relay: ScriptedRelay) -> EmailMessage:
    content = relay.messages[-1].content
    return email.message_from_bytes(content, policy=email.policy.default)


def test_what_the_tasks_set_is_in_the_next_mail_and_in_no_other_organizations(url: str) -> None:
    branding = {"name": "Acme & Co", "logo": b64encode(a_png()).decode(), "primaryColor": "#036"}
    texts = {"language": "de", "greeting": "Grüezi {{ name }},", "subject": "Neu bei Acme"}

    async def story(relay: ScriptedRelay) -> None:
        async with _open(url, relay) as services:
            await _send(services, "before")
            assert "Grüezi" not in _last(relay).as_string()
            answer = await updates.update_branding(services, (("acme", branding), {}))
            assert answer["details"]["resourceOwner"] == "acme"
            answer = await updates.update_texts(services, (("acme", texts), {}))
            assert answer["details"]["sequence"] == "2"
            await _send(services, "after")
            mail = _last(relay)
            assert mail["Subject"] == "Neu bei Acme"
            plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
            assert plain is not None
            assert html is not None
            assert "Grüezi Ada," in plain.get_content()
            assert "Acme & Co" in plain.get_content()
            assert "#003366" in html.get_content()
            (logo,) = [part for part in mail.walk() if part.get_content_maintype() == "image"]
            assert logo.get_content() == a_png()
            await _send(services, "other", org="globex")
            assert "Gr=C3=BCezi" not in _last(relay).as_string()
            assert "Acme" not in _last(relay).as_string()

    with ScriptedRelay() as relay:
        asyncio.run(story(relay))


@pytest.mark.parametrize(
    ("update", "body", "mistake"),
    [
        (updates.update_branding, {"fontColor": "#777", "background": "#888"}, "a contrast of 1.2"),
        (updates.update_branding, {"language": "tlh"}, "no mail is written in 'tlh'"),
        (updates.update_texts, {"language": "de", "text": "{{ x }}"}, "there is no value x"),
        (updates.update_texts, ["de"], "expected a JSON object"),
    ],
)
def test_a_task_answers_what_is_wrong_and_never_fails(
    url: str, update: Any, body: object, mistake: str
) -> None:
    async def story(relay: ScriptedRelay) -> None:
        async with _open(url, relay) as services:
            answer = await update(services, (("acme", body), {}))
            assert answer["code"] == 3
            assert mistake in answer["message"]
            assert answer["details"][0]["id"] == "LOOK-invalid"
            await _send(services, "as-before")

    with ScriptedRelay() as relay:
        asyncio.run(story(relay))


def test_a_reset_look_is_gone_from_the_next_mail(url: str) -> None:
    async def story(relay: ScriptedRelay) -> None:
        async with _open(url, relay) as services:
            await updates.update_branding(services, (("acme", {"name": "Gone Inc."}), {}))
            await _send(services, "before")
            assert "Gone Inc." in _last(relay).as_string()
            await services.looks.unbrand("acme")
            await _send(services, "after")
            assert "Gone Inc." not in _last(relay).as_string()

    with ScriptedRelay() as relay:
        asyncio.run(story(relay))
