"""Running all parts on one machine until told to stop."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from pydantic import SecretStr

from dispatcher import bootstrap
from dispatcher.cli import output, parts
from dispatcher.cli.failures import ExitCode
from dispatcher.cli.up_words import Running, introduce
from dispatcher.settings import Settings, load_settings

_PAGE_PORT: Final = 8025
"""Where the inbox's page is, unless that port is taken; the one that such pages usually have."""


def run(processes: int) -> ExitCode:
    """Run all parts until a signal; return how it ended.

    Args:
        processes: How many worker processes.

    Raises:
        ConfigError: The settings cannot work, or this folder's system is up already.
        StoreUnavailable: The embedded Valkey does not answer.
    """
    settings = load_settings()
    with ExitStack() as stack:
        stack.enter_context(parts.interruptible())
        stack.enter_context(parts.holding(settings.data_dir, "a `dispatcher up`"))
        places = stack.enter_context(parts.endpoints(settings, output.note))
        inbox = None
        if settings.smtp_url is None:
            inbox = stack.enter_context(
                parts.inbox(settings.data_dir / "inbox", http_port=_PAGE_PORT)
            )
        listening = dict(stack.enter_context(parts.web_places(settings, or_any=True)))
        running = Running(
            settings,
            places,
            inbox,
            processes,
            http_url=f"http://{listening['http_bind']}",
            grpc_address=listening["grpc_bind"],
        )
        changed = _changed(running)
        bootstrap.check(_as_workers_see_them(settings, changed))
        introduce(running)
        ended = parts.supervise(
            settings, places, changed | listening, processes=processes, web_processes=1
        )
        output.note("The workers have stopped.")
    return ended


def _changed(running: Running) -> dict[str, str]:
    settings, changed = running.settings, {}
    if running.inbox is not None:
        changed["smtp_url"] = running.inbox.smtp_url
        changed["mail_from"] = settings.mail_from or parts.SENDER
    return changed


def _as_workers_see_them(settings: Settings, changed: Mapping[str, str]) -> Settings:
    secret = {"smtp_url": SecretStr(changed["smtp_url"])} if "smtp_url" in changed else {}
    return settings.model_copy(update={**changed, **secret})
