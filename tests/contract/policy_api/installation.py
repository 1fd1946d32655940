"""An installation in memory, open to every transport: callers of each kind, and their tokens."""

from dataclasses import dataclass, field

from dispatcher.access import Caller, Role, invalid_token
from dispatcher.adapters.store.memory import MemoryLedger
from dispatcher.adapters.store.memory_connections import MemoryConnectionStore
from dispatcher.adapters.store.memory_policies import MemoryPolicyStore
from dispatcher.dry_run import DryRun
from dispatcher.policies import Policies
from dispatcher.policy import Manner
from dispatcher.triggers import discover
from dispatcher.web.app import Desks
from dispatcher.web.authentication import bearer_token
from dispatcher.web.gate import Gate, NoRateLimits
from tests.builders import StandingClock, Witness

INSTANCE_ID = "300000000000000001"
SWITCHES = discover().switches

CALLERS = {
    "owner": Caller("owner", "acme", frozenset({Role.ORG_OWNER})),
    "settings": Caller("settings", "acme", frozenset({Role.ORG_SETTINGS_MANAGER})),
    "viewer": Caller("viewer", "acme", frozenset({Role.ORG_OWNER_VIEWER})),
    "publisher": Caller("publisher", "acme", frozenset({Role.ORG_EVENT_PUBLISHER})),
    "stranger": Caller("stranger", "globex", frozenset({Role.ORG_OWNER})),
    "root": Caller("root", "", frozenset({Role.IAM_OWNER})),
    "auditor": Caller("auditor", "", frozenset({Role.IAM_OWNER_VIEWER})),
    "manager": Caller("manager", "", frozenset({Role.IAM_ORG_MANAGER})),
}


class KnownCallers:
    """Knows each caller by its name as the token."""

    async def authenticate(self, authorization: str | None) -> Caller:
        token = bearer_token(authorization)
        if token not in CALLERS:
            raise invalid_token()
        return CALLERS[token]


@dataclass
class Installation:
    """What a story is played in."""

    manner: Manner
    clock: StandingClock = field(default_factory=StandingClock)

    def __post_init__(self) -> None:
        self.store = MemoryPolicyStore(self.clock)
        self.ledger = MemoryLedger(self.clock)
        self.connections = MemoryConnectionStore()

    def forget(self) -> None:
        """Forget every policy: a server takes longer to start than a story to play."""
        self.store._policies.clear()
        self.store._sequences.clear()
        self.store._changes.clear()

    def desks(self) -> Desks:
        async def ready() -> None: ...

        return Desks(
            policies=Policies(self.store, self.manner, INSTANCE_ID),
            gate=Gate(KnownCallers(), NoRateLimits()),
            observer=Witness(),
            switches=SWITCHES,
            dry_run=DryRun(self.ledger, self.clock),
            ready=ready,
        )
