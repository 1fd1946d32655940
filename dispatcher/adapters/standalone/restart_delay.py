"""How long to wait before something that died is started again."""

from dataclasses import dataclass


@dataclass(slots=True)
class RestartDelay:
    """Doubles with each death, and forgets them after a time of health.

    Args:
        first: Seconds before the first restart.
        longest: Seconds it never exceeds.
        healthy_after: Seconds of life after which earlier deaths no longer count.
    """

    first: float = 0.5
    longest: float = 30.0
    healthy_after: float = 60.0
    _deaths: int = 0

    def after(self, lived: float) -> float:
        """Return the seconds to wait, given how many seconds the dead one had lived."""
        if lived >= self.healthy_after:
            self._deaths = 0
        delay = min(self.first * 2.0**self._deaths, self.longest)
        self._deaths = min(self._deaths + 1, 32)
        return delay
