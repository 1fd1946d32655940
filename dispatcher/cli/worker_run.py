"""Running worker processes until told to stop."""

from dispatcher import bootstrap
from dispatcher.cli import output, parts
from dispatcher.cli.failures import ExitCode
from dispatcher.settings import load_settings


def run(processes: int, concurrency: int | None) -> ExitCode:
    """Run workers until a signal; return how it ended.

    Args:
        processes: How many.
        concurrency: Events in flight in each, or None for what the settings say.

    Raises:
        ConfigError: The settings cannot work; nothing was started.
        StoreUnavailable: The embedded Valkey does not answer.
    """
    settings = load_settings()
    bootstrap.check(settings)
    changed = {} if concurrency is None else {"concurrency": str(concurrency)}
    with parts.interruptible(), parts.endpoints(settings, output.note) as places:
        return parts.supervise(settings, places, changed, processes=processes)
