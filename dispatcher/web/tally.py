"""What became of what a connection brought, as an observer is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dispatcher.errors import AccessError, DispatcherError
from dispatcher.ingest import Taken
from dispatcher.ports import Observer
from dispatcher.status import Code, code_of
from dispatcher.web.errors import HttpError

NATIVE: Final = "native"
"""The connection's name of our own route."""

_RESULTS: Final = ("accepted", "duplicate", "refused", "malformed", "unavailable")
_UNAVAILABLE: Final = frozenset({Code.UNAVAILABLE, Code.INTERNAL})


@dataclass(frozen=True, slots=True)
class Tally:
    """Tells the observer.

    Args:
        observer: Counts.
        connection: Whose calls these are.
    """

    observer: Observer
    connection: str

    def begin(self) -> None:
        """Have every result counted from zero on: the first call that is refused is a rise, too."""
        for result in _RESULTS:
            self.observer.received(self.connection, result, 0)

    def took(self, taken: Taken, rejected: Iterable[DispatcherError] = ()) -> None:
        """Tell what became of each event of one call."""
        if taken.accepted:
            self.observer.received(self.connection, "accepted", taken.accepted)
        if taken.duplicates:
            self.observer.received(self.connection, "duplicate", taken.duplicates)
        for error in rejected:
            self.failed(error)

    def failed(self, error: DispatcherError) -> None:
        """Tell why a call, or an event of one, was not taken."""
        self.observer.received(self.connection, result_of(error))


def result_of(error: DispatcherError) -> str:
    """Return an error in the observer's words."""
    code = error.code if isinstance(error, HttpError) else code_of(error)
    if code in _UNAVAILABLE:
        return "unavailable"
    if isinstance(error, AccessError) or code is Code.UNAUTHENTICATED:
        return "refused"
    return "malformed"
