"""What workers put aside, as commands meet it, whatever the broker."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol


class PutAside(Protocol):
    """A message that was put aside because it could not be run."""

    @property
    def id(self) -> str:
        """Return what it is asked for by."""
        ...

    @property
    def reason(self) -> str:
        """Return why, one word."""
        ...

    @property
    def queue(self) -> str:
        """Return the queue it was taken from; empty where that is unknown."""
        ...

    @property
    def put_aside_at(self) -> datetime:
        """Return when."""
        ...

    @property
    def raw(self) -> bytes:
        """Return its bytes, or the first of them; they may hold addresses."""
        ...

    @property
    def is_whole(self) -> bool:
        """Return whether these are all its bytes."""
        ...


class Quarantine(Protocol):
    """What workers put aside, as a person reads and mends it."""

    def __len__(self) -> int: ...

    def list(self, *, offset: int = 0, limit: int = 100) -> Iterator[PutAside]:
        """Yield what was put aside, newest first."""
        ...

    def show(self, item: str) -> PutAside | None:
        """Return one message, or None where it is not there."""
        ...

    def unlisted(self) -> Mapping[str, int]:
        """Return, by reason, how many were only counted: the quarantine was full."""
        ...

    def drop(self, item: str) -> bool:
        """Forget a message for good; return whether it was there."""
        ...

    def requeue(self, item: str) -> bool:
        """Put a message back on its queue; return whether it was there, whole."""
        ...


class NoQuarantine:
    """The quarantine of a broker that keeps none."""

    def __len__(self) -> int:
        return 0

    def list(self, *, offset: int = 0, limit: int = 100) -> Iterator[PutAside]:
        """Yield nothing."""
        del offset, limit
        yield from ()

    def unlisted(self) -> Mapping[str, int]:
        """Return nothing."""
        return {}

    def show(self, item: str) -> PutAside | None:
        """Return None."""
        del item
        return None

    def drop(self, item: str) -> bool:
        """Return False."""
        del item
        return False

    requeue = drop
