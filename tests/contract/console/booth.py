"""The console with everything in memory: an installation in which things have happened."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from dispatcher.access import Role
from dispatcher.adapters.store.memory_connections import MemoryConnectionStore
from dispatcher.adapters.store.memory_sessions import MemorySessions
from dispatcher.adapters.store.memory_tokens import MemoryTokenStore
from dispatcher.adapters.store.memory_workforce import MemoryWorkforce
from dispatcher.connection import Connection, DirectoryAccess
from dispatcher.delivery import (
    Attempt,
    Dead,
    DeadReason,
    DeferReason,
    Deferred,
    Outcome,
    Report,
    Ruling,
    Sent,
    Skipped,
    SkipReason,
)
from dispatcher.events import Context
from dispatcher.message import Message
from dispatcher.policies import Policies
from dispatcher.policy import Manner
from dispatcher.ports import Claim
from dispatcher.tokens import Tokens
from dispatcher.web.app import Desks
from dispatcher.web.authentication import BearerAuthenticator, Issuer
from dispatcher.web.console.app import console_app
from dispatcher.web.console.desk import Console
from dispatcher.web.console.sign_in import SingleSignOn
from dispatcher.web.console.views import Views
from dispatcher.web.console.visits import Doorkeeper
from dispatcher.web.gate import Gate, NoRateLimits, RateLimits
from dispatcher.web.letter_routes import LetterDesk
from dispatcher.workforce import RelayReport, WorkerReport
from tests.builders import NOON, a_user, an_event
from tests.contract.policy_api.clients import served
from tests.contract.policy_api.installation import Installation

CONNECTIONS = (
    Connection(
        "keycloak-staff",
        "keycloak",
        organization="acme",
        secrets=("s3cret-value",),
        secret_times=(NOON - timedelta(days=40),),
    ),
    Connection(
        "zitadel",
        "zitadel",
        organizations=frozenset({"*"}),
        secrets=("s3cret-new", "s3cret-old"),
        secret_times=(NOON - timedelta(days=1), NOON - timedelta(days=91)),
        directory=DirectoryAccess("zitadel", "https://login.acme.example", "s3cret-token"),
    ),
)

ROLES = {
    "owner": ("acme", Role.ORG_OWNER),
    "viewer": ("acme", Role.ORG_OWNER_VIEWER),
    "settings": ("acme", Role.ORG_SETTINGS_MANAGER),
    "users": ("acme", Role.ORG_USER_MANAGER),
    "publisher": ("acme", Role.ORG_EVENT_PUBLISHER),
    "stranger": ("globex", Role.ORG_OWNER),
    "root": ("", Role.IAM_OWNER),
    "auditor": ("", Role.IAM_OWNER_VIEWER),
    "manager": ("", Role.IAM_ORG_MANAGER),
}


@dataclass
class Booth:
    """The console, and what is behind it.

    Args:
        limits: How often people may try.
        sso: The issuer's sign-in.
        issuer: Knows the issuer's tokens.
        manner: How policies are changed.
    """

    limits: RateLimits = field(default_factory=NoRateLimits)
    sso: SingleSignOn | None = None
    issuer: Issuer | None = None
    manner: Manner = Manner.SETTING
    url: str = ""
    tokens_of: dict[str, str] = field(default_factory=dict)
    """The text of each role's token."""
    ids_of: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.installation = Installation(self.manner)
        self.clock, self.ledger = self.installation.clock, self.installation.ledger
        self.tokens = Tokens(MemoryTokenStore(), self.clock)
        self.workforce = MemoryWorkforce(self.clock, self.ledger)
        self.sessions = MemorySessions(self.clock)
        self.connections = MemoryConnectionStore(CONNECTIONS)

    def desks(self) -> Desks:
        """Return what the app works with."""
        gate = Gate(BearerAuthenticator(self.tokens, self.issuer), self.limits)
        desks = replace(self.installation.desks(), gate=gate)
        console = Console(
            doorkeeper=Doorkeeper(gate, self.tokens, self.clock, self.sso),
            desks=desks,
            log=self.ledger,
            letters=LetterDesk(self.ledger, self.ledger, gate, self.clock),
            workforce=self.workforce,
            connections=self.connections,
            clock=self.clock,
            views=Views(self.clock),
        )
        return replace(desks, console=console_app(console, self.sessions, self.sso))

    async def issue_tokens(self) -> None:
        """Have a token for each role."""
        for name, (org_id, role) in ROLES.items():
            issued = await self.tokens.issue(org_id=org_id, roles=[role], name=name)
            self.tokens_of[name], self.ids_of[name] = issued.text, issued.token.id

    async def ended(
        self, event_id: str, outcome: Outcome, *, org: str = "acme", **report: Any
    ) -> None:
        """Let an event have come and ended so."""
        event = an_event(
            event_id,
            org=org,
            user=a_user(email="ada@example.org", display_name="Ada Lovelace"),
            context=Context(ip="203.0.113.7", place="Zürich"),
        )
        claim = await self.ledger.claim(event, receipt=str(uuid5(NAMESPACE_OID, org + event_id)))
        assert isinstance(claim, Claim)
        ruling = Ruling(org, 3)
        await self.ledger.record(
            claim, Report(outcome, "password_change", ruling, "c41d07b92f5e", **report)
        )


def an_attempt(
    result: str, code: int | None = 250, *, at: datetime = NOON, **fields: Any
) -> Attempt:
    """Return an attempt."""
    return Attempt(1, at, 0.042, result, relay="relay-a.example:587", code=code, **fields)


async def populate(booth: Booth) -> None:
    """Let things happen."""
    policies = Policies(booth.installation.store)
    await policies.update_default({"passwordChange": True}, by="settings")
    await policies.update("acme", {"passwordChange": True}, by="task")
    await policies.update("acme", {"passwordChange": False}, by="cli:ada")
    await policies.update("acme", {"passwordChange": True}, by="token:3Xk9aPq2mZ7L")
    await policies.update("quiet", {"passwordChange": False}, by="cli:ada")
    for number in range(1, 31):
        await booth.ended(f"evt-{number:03}", Sent(), attempt=an_attempt("sent"))
        booth.clock.advance(7)
    await booth.ended("evt-silent", Skipped(SkipReason.POLICY_OFF), org="quiet")
    await booth.ended(
        "0b9f8a1c-5d1e-4c55-8f0e-2f3a9d6f1b7e", Skipped(SkipReason.POLICY_OFF), org="quiet"
    )
    await booth.ended("evt-nobody", Skipped(SkipReason.NO_RECIPIENT), org="globex")
    booth.clock.advance(40)
    await booth.ended(
        "evt-later",
        Deferred(DeferReason.TEMPORARY, 300.0),
        org="globex",
        attempt=an_attempt("temporary", 451, phase="rcpt", enhanced="4.7.1"),
    )
    await booth.ended("evt-globex", Dead(DeadReason.RENDER_ERROR, "StrictUndefined"), org="globex")
    booth.clock.advance(95)
    refused = an_attempt(
        "rejected_recipient", 550, at=booth.clock.now(), phase="rcpt", enhanced="5.1.1"
    )
    await booth.ended(
        "evt-refused",
        Dead(DeadReason.REJECTED_RECIPIENT, "550 5.1.1"),
        attempt=refused,
        message=Message(
            "<m@x>", "no-reply@acme.example", "ada@example.org", b"Subject: x\r\n\r\nx"
        ),
    )
    await booth.ended("evt-old", Dead(DeadReason.EXPIRED, "after 24 h"))
    booth.clock.advance(30)
    for number in (4711, 4712):
        await booth.workforce.report(a_worker(f"mail-1/{number}", booth), {})


async def work(booth: Booth) -> None:
    """Let a day have passed in which mails were sent: for pictures."""
    now = booth.clock.now()
    for minute in range(60 * 20):
        at = now - timedelta(minutes=minute)
        wave = (minute * 7919) % 23
        counts: Mapping[str, int] = {
            "sent": 40 + 3 * wave if minute > 3 else 31,
            "skipped": wave // 2,
            "deferred": 5 if wave == 3 else 0,
            "dead": 3 if minute in {17, 18} else 0,
        }
        await booth.workforce.report(
            replace(a_worker("w", booth), reported_at=at), {"acme": counts}
        )
        _count(booth, counts)
    await booth.workforce.leave("w")


def _count(booth: Booth, counts: Mapping[str, int]) -> None:
    reasons = {
        "skipped": "policy_off",
        "deferred": "temporary",
        "dead": "rejected_recipient",
    }
    for name, by in counts.items():
        if name != "deferred":
            booth.ledger._count("acme", "accepted", name, by=by)
        if name in reasons:
            booth.ledger._count("acme", f"{name}:{reasons[name]}", by=by)


def a_worker(name: str, booth: Booth) -> WorkerReport:
    """Return what a worker says of itself."""
    now = booth.clock.now()
    relays = (
        RelayReport("relay-a.example:587", busy=3, idle=5, waiting=12),
        RelayReport("relay-b.example:465", away=True, reason="refused connection", rate=20.0),
    )
    return WorkerReport(
        name=name,
        version="1.4.0",
        started_at=now - timedelta(hours=31),
        reported_at=now - timedelta(seconds=2),
        concurrency=128,
        in_flight=17,
        rates={"sent": 41.2, "skipped": 3.4, "deferred": 0.2},
        relays=relays,
    )


@asynccontextmanager
async def an_open_booth(booth: Booth | None = None) -> AsyncIterator[Booth]:
    """Open one in which things have happened, for real people's browsers."""
    booth = booth or Booth()
    await booth.issue_tokens()
    await populate(booth)
    async with served(booth.desks()) as url:
        booth.url = url
        yield booth
