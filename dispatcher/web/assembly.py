"""How the parts of one process of the HTTP side are put together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

from fastapi import APIRouter

from dispatcher import bootstrap
from dispatcher.adapters.broker.queue import CeleryQueue
from dispatcher.adapters.broker.valkey_queue import ValkeyQueue
from dispatcher.beside import beside
from dispatcher.bootstrap_web import WebServices
from dispatcher.celery import EVENTS_QUEUE, PASSWORD_CHANGED, app
from dispatcher.errors import ConfigError
from dispatcher.ingest import Ingest
from dispatcher.ports import Queue
from dispatcher.reception import Reception
from dispatcher.settings import Settings
from dispatcher.web.app import Desks
from dispatcher.web.authentication import BearerAuthenticator
from dispatcher.web.console.opening import open_console
from dispatcher.web.delivery_routes import DeliveryDesk, delivery_router
from dispatcher.web.event_routes import BODIES, EventDesk, event_router
from dispatcher.web.gate import Gate
from dispatcher.web.hook_routes import HOOK_BODIES, HookDesk, hook_router
from dispatcher.web.intake import Bounds
from dispatcher.web.letter_routes import LetterDesk, letter_router
from dispatcher.web.metrics_route import MetricsDesk, metrics_router
from dispatcher.web.rate_limit import TokenAndAddressLimits, parse_networks
from dispatcher.web.signatures import Signatures
from dispatcher.web.tally import NATIVE, Tally


@asynccontextmanager
async def open_desks(settings: Settings, services: WebServices) -> AsyncIterator[Desks]:
    """Open what the app works with, and close it in the end.

    Raises:
        ConfigError: The settings cannot work.
    """
    gate, signatures = _gate(settings, services), _signatures(settings)
    ingest = Ingest(
        services.ledger,
        _queue(settings, services),
        services.observer,
        new_receipt=lambda: str(uuid4()),
    )
    tally = Tally(services.observer, NATIVE)
    tally.begin()
    async with _publishing(ingest):
        hooks = HookDesk(_reception(services, ingest), gate.limits)
        desks = Desks(
            policies=services.policies,
            gate=gate,
            observer=services.observer,
            switches=services.switches,
            dry_run=services.dry_run,
            ready=services.ready,
            routers=(
                event_router(EventDesk(ingest, gate, signatures, tally)),
                hook_router(hooks),
                *_routers(services, gate),
            ),
            bounds=Bounds(bodies=BODIES | HOOK_BODIES),
            origins=settings.cors_origins,
        )
        yield replace(desks, console=open_console(settings, services, desks))


def _queue(settings: Settings, services: WebServices) -> Queue:
    """Return the queue of events: one that is where the store is needs no producer of Celery's."""
    name = {"task": PASSWORD_CHANGED, "queue": EVENTS_QUEUE}
    places = bootstrap.endpoints(settings)
    if places.broker_url == places.store_url:
        return ValkeyQueue(services.client, **name)
    return CeleryQueue(app, **name)


def _gate(settings: Settings, services: WebServices) -> Gate:
    authenticator = BearerAuthenticator(
        services.tokens, services.issuer, is_strict=settings.zitadel_strict
    )
    limits = TokenAndAddressLimits(
        token=settings.rate_limit_token,
        address=settings.rate_limit_address,
        proxies=parse_networks(settings.trusted_proxies),
    )
    return Gate(authenticator, limits)


def _reception(services: WebServices, ingest: Ingest) -> Reception:
    return Reception(
        connections=services.connections,
        ingest=ingest,
        keys=services.key_sets.of,
        formers=services.formers,
        observer=services.observer,
        clock=services.clock,
    )


def _routers(services: WebServices, gate: Gate) -> Sequence[APIRouter]:
    ledger, clock = services.ledger, services.clock
    return (
        metrics_router(MetricsDesk(services.bulletin.metrics, gate)),
        delivery_router(DeliveryDesk(ledger, gate, clock)),
        letter_router(LetterDesk(ledger, ledger, gate, clock)),
    )


def _signatures(settings: Settings) -> Signatures:
    secrets = settings.webhook_secrets
    try:
        return Signatures.parse(secrets.get_secret_value() if secrets else "")
    except ConfigError as error:
        raise ConfigError(f"DISPATCHER_WEBHOOK_SECRETS: {error}") from None


@asynccontextmanager
async def _publishing(ingest: Ingest) -> AsyncIterator[None]:
    """Publish events for as long as this is open; what is left then, workers find in the ledger."""
    async with beside(ingest.run(), "publishing"):
        yield
