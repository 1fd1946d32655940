"""Where deliveries and policies are kept: Valkey, and memory twins for tests and trials."""

from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.memory import MemoryLedger
from dispatcher.adapters.store.memory_policies import MemoryPolicyStore
from dispatcher.adapters.store.secret import installation_secret
from dispatcher.adapters.store.valkey_ledger import ValkeyLedger
from dispatcher.adapters.store.valkey_policies import ValkeyPolicyStore

__all__ = [
    "MemoryLedger",
    "MemoryPolicyStore",
    "ValkeyLedger",
    "ValkeyPolicyStore",
    "connect",
    "installation_secret",
]
