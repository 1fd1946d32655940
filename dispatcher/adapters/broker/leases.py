"""Show the broker that this process lives, and bring back what the dead held."""

import logging
from collections.abc import Callable
from math import inf
from secrets import token_hex
from threading import Event, Thread
from time import monotonic
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from dispatcher.adapters.broker.keys import Keys
from dispatcher.adapters.broker.qos import QoS
from dispatcher.adapters.broker.scripts import script

_log: Final = logging.getLogger(__name__)

#: Seconds that an in-flight entry of a dead process without mark has (kombu's default).
_FOREIGN_TIMEOUT: Final = 3600.0
#: Most entries given back by one sweep: bounds how long the server is busy with it.
_SWEEP: Final = 500
#: Seconds; a busy machine is not a silent broker, however short the leases are.
_SHORTEST_SILENCE: Final = 2.0


class LeaseKeeper:
    """A thread that renews leases, sweeps lapsed ones, and settles what nobody else does.

    It has a thread of its own because leases must be renewed while the consumer's thread is busy:
    with a long task of the solo pool, in a slow reconnect, or draining at shutdown.

    Args:
        open_client: Returns a client for the broker; called on the thread.
        qos: The books of what is held.
        keys: The broker's key names.
        lease: Seconds a lease lasts; a quarter of it is the interval of renewals.
    """

    def __init__(
        self, open_client: Callable[[], Redis], qos: QoS, keys: Keys, *, lease: float
    ) -> None:
        self._open_client, self._qos, self._keys, self._lease = open_client, qos, keys, lease
        self._name = token_hex(8)
        self._stop = Event()
        self._thread: Thread | None = None
        self._heard_at = -inf
        self._answers_since = inf

    def answers_since(self, now: float) -> float:
        """Return since when the broker has been answering this thread; infinity when it does not.

        Args:
            now: Monotonic seconds.
        """
        return inf if self._is_silent(now) else self._answers_since

    def start(self) -> None:
        """Start renewing; a second call does nothing."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="broker-leases", daemon=True)
            self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop renewing and wait at most `timeout` seconds for the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def leave(self) -> bool:
        """Say that this process takes no more; return whether none is left that does.

        Raises:
            redis.exceptions.RedisError: The broker does not answer.
        """
        return not self._attend(self._open_client(), stays=False)

    def _attend(self, client: Redis, *, stays: bool) -> int:
        terms = (self._name, self._lease, int(stays))
        text = script("attend").text
        return int(client.execute_command("EVAL", text, 1, self._keys.takers, *terms))

    def _run(self) -> None:
        client = self._open_client()
        # Other processes lost their broker when we did and need time to come back and renew.
        sweeps_from = monotonic() + self._lease
        is_failing = False
        while not self._stop.wait(self._lease / 4):
            try:
                self._settle(client)
                while self._keep(client, sweeps=monotonic() > sweeps_from) == _SWEEP:
                    _log.info("Many leases have lapsed; still giving messages back.")
                self._attend(client, stays=True)
                self._note_answer(monotonic())
                is_failing = False
            except (RedisError, OSError) as error:
                # The consumer meets the same trouble and reconnects; this thread only waits.
                if not is_failing:
                    _log.warning("Cannot renew leases: %s.", type(error).__name__)
                is_failing = True
                sweeps_from = monotonic() + self._lease

    def _note_answer(self, now: float) -> None:
        if self._is_silent(now):
            self._answers_since = now
        self._heard_at = now

    def _is_silent(self, now: float) -> bool:
        return now - self._heard_at > max(self._lease / 2, _SHORTEST_SILENCE)

    def _keep(self, client: Redis, *, sweeps: bool) -> int:
        keys = self._keys
        given: int = client.execute_command(
            *("EVAL", script("keep").text, 5, *keys.bookkeeping, *keys.homing),
            *(self._lease, _FOREIGN_TIMEOUT, _SWEEP if sweeps else 0, *self._qos.held),
        )
        if given:
            _log.warning("Gave %d messages back that a dead process held.", given)
        return given

    def _settle(self, client: Redis) -> None:
        """Send what the consumer's thread has no time for: it is draining, or in a long task."""
        settle(client, self._qos, self._keys)


def settle(client: Redis, qos: QoS, keys: Keys) -> None:
    """Tell the broker what was settled, waiting for its answers.

    Raises:
        redis.exceptions.RedisError: The broker did not take it; acknowledgements are owed again.
    """
    if not qos.owes:
        return
    commands, acked = qos.settlement(keys)
    try:
        for command in commands:
            client.execute_command(*command)
    except (RedisError, OSError):
        qos.owe(acked)
        raise
