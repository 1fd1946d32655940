"""Several observers as one: each is told, and none can do harm."""

from collections.abc import Callable
from typing import Final

import structlog

from dispatcher.delivery import Observed
from dispatcher.policy import Written
from dispatcher.ports import Observer

_log: Final = structlog.get_logger("dispatcher")


class Company:
    """Tells each of its observers, in order.

    What one of them raises is logged once per kind: to count wrongly is bad, but an event that is
    not acknowledged because nobody could count it is worse.

    Args:
        observers: Who is told.
    """

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers
        self._met: set[tuple[type[BaseException], str]] = set()

    def finished(self, delivery: Observed) -> None:
        """Tell what became of one walk."""
        for observer in self._observers:
            try:
                observer.finished(delivery)
            except Exception as error:  # noqa: BLE001 - see above; and inline, for it is told per event
                self._note(error, observer)

    def policy_written(self, written: Written) -> None:
        """Tell of a policy update."""
        self._tell(lambda observer: observer.policy_written(written))

    def policy_refused(self, error: Exception) -> None:
        """Tell of a policy update that was refused."""
        self._tell(lambda observer: observer.policy_refused(error))

    def relay_changed(self, relay: str, reason: str) -> None:
        """Tell that a relay went away, or that it is back."""
        self._tell(lambda observer: observer.relay_changed(relay, reason))

    def waiting(self, what: str, error: Exception) -> None:
        """Tell that something outside is away."""
        self._tell(lambda observer: observer.waiting(what, error))

    def received(self, connection: str, result: str, count: int = 1) -> None:
        """Tell what became of calls that came in."""
        self._tell(lambda observer: observer.received(connection, result, count))

    def _tell(self, tell: Callable[[Observer], None]) -> None:
        for observer in self._observers:
            try:
                tell(observer)
            except Exception as error:  # noqa: BLE001 - see above
                self._note(error, observer)

    def _note(self, error: Exception, observer: Observer) -> None:
        kind = type(error), type(observer).__name__
        if kind not in self._met:
            self._met.add(kind)
            _log.error("an observer failed", observer=kind[1], error=kind[0].__name__)
