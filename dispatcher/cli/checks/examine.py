"""All checks, in the order in which one depends on the other."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from dispatcher import bootstrap
from dispatcher.adapters.mail.addresses import parse_mailbox
from dispatcher.adapters.mail.relay_address import parse_relays
from dispatcher.bootstrap import Endpoints
from dispatcher.cli.checks.broker import check_broker
from dispatcher.cli.checks.connections import check_connections
from dispatcher.cli.checks.dkim import check_signatures
from dispatcher.cli.checks.dns import check_domain
from dispatcher.cli.checks.finding import Finding, Health
from dispatcher.cli.checks.relay import check_relay, send_test
from dispatcher.cli.checks.senders import check_senders
from dispatcher.cli.checks.store import check_store
from dispatcher.errors import ConfigError, StoreUnavailable
from dispatcher.settings import Settings, load_settings


def examine(*, now: datetime, send_to: str = "") -> list[Finding]:
    """Return what all checks find.

    Args:
        now: The time, for the test mail.
        send_to: Where to send a test mail, or "".

    Raises:
        RenderError: *send_to* is not exactly one address.
    """
    try:
        settings = load_settings()
    except ConfigError as error:
        return _mistakes(error)
    return asyncio.run(_examine(settings, now, send_to))


async def _examine(settings: Settings, now: datetime, send_to: str) -> list[Finding]:
    found = [_settings(settings)]
    try:
        places = await asyncio.to_thread(bootstrap.endpoints, settings)
    except (ConfigError, StoreUnavailable) as error:
        found.append([Finding(Health.FAIL, "store", str(error))])
    else:
        store, broker = check_store(places.store_url), asyncio.to_thread(_broker, places)
        senders = check_senders(settings, places.store_url)
        connections = check_connections(settings, places.store_url)
        found += await asyncio.gather(store, broker, senders, connections)
    found.append([finding async for finding in _mail(settings, now, send_to)])
    return [finding for findings in found for finding in findings]


def _settings(settings: Settings) -> list[Finding]:
    try:
        bootstrap.check(settings)
    except ConfigError as error:
        return _mistakes(error)
    return [Finding(Health.OK, "settings", "valid, and enough to send")]


def _broker(places: Endpoints) -> list[Finding]:
    from dispatcher.celery import app

    return list(check_broker(app, places.broker_url))


async def _mail(settings: Settings, now: datetime, send_to: str) -> AsyncIterator[Finding]:
    if settings.mail_from is None or settings.smtp_url is None:
        return
    try:
        relays = parse_relays(settings.smtp_url.get_secret_value())
        domain = parse_mailbox(settings.mail_from).address.domain
    except ConfigError:  # told among the settings
        return
    signatures = check_signatures(
        domain,
        dkim_keys=settings.dkim_keys,
        bounce_domain=settings.bounce_address.rpartition("@")[2],
    )
    checks = (*map(check_relay, relays), check_domain(domain), signatures)
    for findings in await asyncio.gather(*checks):
        for finding in findings:
            yield finding
    if send_to:
        yield await send_test(relays, sender=settings.mail_from, recipient=send_to, now=now)


def _mistakes(error: ConfigError) -> list[Finding]:
    return [Finding(Health.FAIL, "settings", mistake) for mistake in str(error).splitlines()]
