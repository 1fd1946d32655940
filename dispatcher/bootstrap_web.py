"""The composition root of the HTTP side, opened without waiting for the store."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from redis.asyncio import Redis

from dispatcher.adapters.monitoring.vitals import Role
from dispatcher.adapters.oidc.claims import ClaimsMap, parse_role_map
from dispatcher.adapters.oidc.issuer import OidcIssuer
from dispatcher.adapters.oidc.key_sets import KeySets
from dispatcher.adapters.oidc.opening import open_issuer
from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.valkey_formers import ValkeyFormerAddressStore
from dispatcher.adapters.store.valkey_ledger import ValkeyLedger
from dispatcher.adapters.store.valkey_policies import ValkeyPolicyStore
from dispatcher.adapters.store.valkey_tokens import ValkeyTokenStore
from dispatcher.beside import beside
from dispatcher.bootstrap import SystemClock
from dispatcher.connecting import check as check_connections
from dispatcher.connecting import connections_of, vault_of
from dispatcher.connections import Connections
from dispatcher.dry_run import DryRun
from dispatcher.errors import IssuerUnavailable
from dispatcher.formers import Formers
from dispatcher.monitor.bulletin import Bulletin
from dispatcher.monitor.member import Member, Part
from dispatcher.monitor.pulse import StorePulse
from dispatcher.monitor.station import open_station
from dispatcher.policies import Policies
from dispatcher.policy import Manner
from dispatcher.ports import Clock, Observer
from dispatcher.settings import Settings
from dispatcher.tokens import Tokens
from dispatcher.triggers import discover


@dataclass(frozen=True, slots=True)
class WebServices:
    """What the HTTP side works with."""

    client: Redis
    policies: Policies
    ledger: ValkeyLedger
    dry_run: DryRun
    observer: Observer
    clock: Clock
    tokens: Tokens
    bulletin: Bulletin
    connections: Connections
    key_sets: KeySets
    formers: Formers
    issuer: OidcIssuer | None
    switches: frozenset[str]

    async def ready(self) -> None:
        """Return once the store answers.

        Raises:
            StoreUnavailable: It does not.
        """
        await self.ledger.ping()


@asynccontextmanager
async def open_web(settings: Settings, url: str) -> AsyncIterator[WebServices]:
    """Open what the HTTP side works with, and close it in the end.

    The store need not answer yet: it is asked when somebody calls.

    Raises:
        ConfigError: The store's URL cannot be read, or the settings file of connections.
    """
    check_connections(settings)
    client, prefix, clock = connect(url), settings.store_prefix, SystemClock()
    async with AsyncExitStack() as closing:
        closing.push_async_callback(client.aclose)
        readings = Readings(client)
        store = ValkeyPolicyStore(client, prefix=prefix, readings=readings)
        tokens = Tokens(ValkeyTokenStore(client, prefix=prefix, readings=readings), clock)
        closing.push_async_callback(tokens.close)
        ledger = ValkeyLedger(client, prefix=prefix, retention=settings.retention)
        member, pulse = _member(ledger, settings.log_rate)
        station = await closing.enter_async_context(open_station(settings, url, member, clock))
        await closing.enter_async_context(beside(pulse.run(), "store pulse"))
        observer = member.observer
        key_sets = KeySets(partial(_tell_of_keys, observer))
        closing.push_async_callback(key_sets.close)
        vault = vault_of(settings)
        former_addresses = ValkeyFormerAddressStore(client, readings, vault, prefix=prefix)
        manner = Manner.ZITADEL if settings.zitadel_strict else Manner.SETTING
        yield WebServices(
            client=client,
            policies=Policies(store, manner, settings.instance_id),
            ledger=ledger,
            dry_run=DryRun(ledger, clock),
            observer=observer,
            clock=clock,
            tokens=tokens,
            bulletin=station.bulletin,
            connections=connections_of(
                settings,
                client,
                readings,
                vault=vault,
                clock=clock,
                tell=observer.waiting,
            ),
            key_sets=key_sets,
            formers=Formers(former_addresses, settings.former_address_age),
            issuer=await closing.enter_async_context(_issuer(settings, clock, observer)),
            switches=discover().switches,
        )


def _member(ledger: ValkeyLedger, log_rate: int) -> tuple[Member, StorePulse]:
    pulse = StorePulse(ledger.ping)
    return Member(Part("api", Role.API, pulse.reason), log_rate=log_rate), pulse


def _tell_of_keys(observer: Observer, connection: str, fault: IssuerUnavailable | None) -> None:
    if fault is not None:
        observer.waiting(f"the keys of the connection {connection}", fault)


@asynccontextmanager
async def _issuer(
    settings: Settings, clock: Clock, observer: Observer
) -> AsyncIterator[OidcIssuer | None]:
    """Open the OIDC issuer whose access tokens count, where one is configured."""
    if not settings.oidc_issuer:
        yield None
        return

    def tell(fault: IssuerUnavailable | None) -> None:
        if fault is not None:
            observer.waiting("the OIDC issuer", fault)

    roles = parse_role_map(settings.oidc_role_map)
    claims_map = ClaimsMap(settings.oidc_roles_claim, settings.oidc_org_claim, roles)
    async with open_issuer(
        settings.oidc_issuer, settings.oidc_audience, claims_map, clock, tell
    ) as issuer:
        yield issuer
