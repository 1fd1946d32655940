"""Organizations' senders: can this machine's keys open all of them?"""

from typing import Final

from dispatcher import bootstrap
from dispatcher.cli.checks.finding import Finding, Health
from dispatcher.errors import ConfigError, SenderNotFound, SenderUnreadable, StoreUnavailable
from dispatcher.senders import Senders
from dispatcher.settings import Settings

_NAMED: Final = 3


async def check_senders(settings: Settings, store_url: str) -> list[Finding]:
    """Return whether each organization's relays can be decrypted; nothing where there are none."""
    try:
        async with bootstrap.open_store(settings, store_url) as store:
            organizations = await store.senders.organizations()
            unreadable = [org for org in organizations if await _is_unreadable(store.senders, org)]
    except (ConfigError, StoreUnavailable):  # told among the settings, and of the store
        return []
    if not organizations:
        return []
    if not unreadable:
        return [Finding(Health.OK, "senders", f"all {len(organizations)} can be read")]
    names = ", ".join(unreadable[:_NAMED]) + (", …" if len(unreadable) > _NAMED else "")
    found = f"{len(unreadable)} of {len(organizations)} cannot be read ({names}): their mails wait"
    mend = "DISPATCHER_ENCRYPTION_KEYS lacks their key: add it, or `dispatcher sender set` anew"
    return [Finding(Health.FAIL, "senders", found, mend)]


async def _is_unreadable(senders: Senders, org_id: str) -> bool:
    try:
        await senders.get(org_id)
    except SenderUnreadable:
        return True
    except SenderNotFound:  # it was reset meanwhile
        return False
    return False
