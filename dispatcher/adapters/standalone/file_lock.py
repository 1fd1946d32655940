"""An advisory lock that the kernel drops with its last holder, however that one ends."""

import fcntl
import os
from pathlib import Path


class FileLock:
    """An exclusive ``flock`` on a file, which is created where it is missing and never deleted.

    A child process that inherits :attr:`descriptor` keeps the lock held after
    :meth:`release` here: ``flock`` belongs to the open file, not to the process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """The open file's number.

        Raises:
            RuntimeError: The lock is not held.
        """
        if self._descriptor is None:
            raise RuntimeError(f"{self.path.name} is not locked")
        return self._descriptor

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock if it is free, and return whether it is ours now."""
        if self._descriptor is None:
            self._descriptor = _try_lock(self.path, fcntl.LOCK_EX)
        return self.held

    def release(self) -> None:
        """Let go of the lock; a no-op when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_locked(path: Path) -> bool:
    """Return whether anyone holds the lock on ``path``."""
    if not path.exists():
        return False
    # Shared, so that two who look do not see each other as the holder.
    descriptor = _try_lock(path, fcntl.LOCK_SH)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _try_lock(path: Path, kind: int) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
