"""What the broker's keys are called: kombu's names, and two of our own."""

from dataclasses import dataclass
from json import dumps
from typing import Final

#: Every in-flight tag of ours starts so; a stock worker's are UUIDs.
TAG_MARK: Final = "nd."


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of one broker's keys, prefix included.

    Attributes:
        prefix: kombu's `global_keyprefix`, in front of every key.
        separator: Between a queue's name and a priority step.
        steps: Priority steps, ascending; step 0 is the bare queue name and is taken first.
        unacked: Hash, tag to in-flight entry.
        unacked_index: Sorted set, tag to the server time of its last sign of life.
    """

    prefix: str
    separator: str
    steps: tuple[int, ...]
    unacked: str
    unacked_index: str

    @property
    def quarantine(self) -> str:
        """Hash, id to meta (JSON), line feed, raw bytes."""
        return f"{self.prefix}nd:quarantine"

    @property
    def quarantine_index(self) -> str:
        """Sorted set, id to the server time it was put aside."""
        return f"{self.prefix}nd:quarantine_index"

    @property
    def bookkeeping(self) -> tuple[str, str, str, str]:
        """The four keys that every script starts with."""
        return self.unacked, self.unacked_index, self.quarantine, self.quarantine_index

    @property
    def homing(self) -> tuple[str, str, str]:
        """The arguments by which scripts find the list that an entry came from."""
        return self.prefix, self.separator, dumps(self.steps)

    def lists(self, queue: str) -> tuple[str, ...]:
        """Return the keys of a queue's lists in the order they are taken from."""
        return tuple(
            f"{self.prefix}{queue}{self.separator}{step}" if step else f"{self.prefix}{queue}"
            for step in self.steps
        )
