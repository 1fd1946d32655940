"""An organization's sender: a session with each relay its mails go over, and a test mail."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dispatcher.adapters.mail.relay_address import RelayAddress, parse_relays
from dispatcher.cli.checks.finding import Finding, Health
from dispatcher.cli.checks.relay import check_relay, send_test
from dispatcher.errors import ConfigError
from dispatcher.sender import Sender
from dispatcher.settings import Settings, load_settings


def check_sender(sender: Sender, *, send_to: str, now: datetime) -> list[Finding]:
    """Return how it goes with what the organization set, and with the instance's for the rest.

    Args:
        sender: The organization's sender.
        send_to: Where to send a test mail, or "".
        now: The time, for the test mail.

    Raises:
        ConfigError: The settings are wrong.
        RenderError: *send_to* is not exactly one address.
    """
    settings = load_settings()
    mail_from = _mail_from(sender, settings) if send_to else ""
    return asyncio.run(_check(_relays(sender, settings), mail_from, send_to, now))


async def _check(
    relays: Sequence[RelayAddress], mail_from: str, send_to: str, now: datetime
) -> list[Finding]:
    checked = await asyncio.gather(*(check_relay(address) for address in relays))
    findings = [finding for found in checked for finding in found]
    if not send_to:
        skipped = "not sent: no address was given"
        return [*findings, Finding(Health.SKIP, "test mail", skipped, "give one: --to")]
    return [*findings, await send_test(relays, sender=mail_from, recipient=send_to, now=now)]


def _relays(sender: Sender, settings: Settings) -> Sequence[RelayAddress]:
    if sender.relays:
        elsewhere = not settings.sender_local_relays
        return [replace(relay, elsewhere=elsewhere) for relay in parse_relays(sender.relays)]
    if settings.smtp_url is None:
        raise ConfigError("DISPATCHER_SMTP_URL: is required where an organization has no relays")
    return parse_relays(settings.smtp_url.get_secret_value())


def _mail_from(sender: Sender, settings: Settings) -> str:
    mail_from = sender.mail_from or settings.mail_from
    if not mail_from:
        raise ConfigError("DISPATCHER_MAIL_FROM: is required where an organization sets none")
    return mail_from
