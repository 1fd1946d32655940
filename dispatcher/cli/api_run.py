"""Running the HTTP side until told to stop."""

from dispatcher.cli import output, parts
from dispatcher.cli.failures import ExitCode
from dispatcher.settings import load_settings


def run(processes: int) -> ExitCode:
    """Run processes of the HTTP side until a signal; return how it ended.

    Args:
        processes: How many.

    Raises:
        ConfigError: The settings cannot work; nothing was started.
        StoreUnavailable: The embedded Valkey does not answer.
    """
    settings = load_settings()
    with (
        parts.interruptible(),
        parts.endpoints(settings, output.note) as places,
        parts.web_places(settings) as listening,
    ):
        output.note(
            f"HTTP at http://{listening['http_bind']}, gRPC at {listening['grpc_bind']}; "
            f"reference: http://{listening['http_bind']}/docs"
        )
        return parts.supervise(settings, places, listening, web_processes=processes)
