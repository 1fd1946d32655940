"""Folders that mails come back to; what was read is marked as seen, and not read again."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from mailbox import Error, mbox
from pathlib import Path
from typing import Final, Protocol

from dispatcher.adapters.mail.bounce_parser import LARGEST
from dispatcher.errors import ConfigError

_SEEN: Final = "S"
_FLAGS: Final = ":2,"  # cr.yp.to/proto/maildir.html
_STATUS: Final = b"status:"


class Folder(Protocol):
    """A folder's mails that nobody has seen."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]:
        """Yield each mail; it counts as seen once the next one is asked for."""
        ...


class Maildir:
    """A Maildir: mails in ``new``, and in ``cur`` those without the flag S.

    Args:
        path: The folder that holds both.

    Raises:
        ConfigError: It is no Maildir.
    """

    def __init__(self, path: Path) -> None:
        self._cur = path / "cur"
        try:
            names = sorted([*os.scandir(path / "new"), *os.scandir(self._cur)], key=_by_name)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read as a Maildir: {error.strerror}") from error
        self._unseen = [Path(each.path) for each in names if _is_unseen(each.name)]

    def __len__(self) -> int:
        return len(self._unseen)

    def __iter__(self) -> Iterator[bytes]:
        """Yield each mail; it counts as seen once the next one is asked for.

        Raises:
            ConfigError: It may not be read, or not be moved.
        """
        for path in self._unseen:
            try:
                with path.open("rb") as mail:
                    raw = mail.read(LARGEST + 1)
            except FileNotFoundError:
                continue  # another reader was faster
            except OSError as error:
                raise ConfigError(f"{path}: {error.strerror}") from error
            yield raw
            self._mark(path)

    def _mark(self, path: Path) -> None:
        name, _, flags = path.name.partition(_FLAGS)
        seen = "".join(sorted({*flags, _SEEN}))
        try:
            path.rename(self._cur / f"{name}{_FLAGS}{seen}")
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigError(f"{path}: cannot be moved to cur: {error.strerror}") from error


class Mbox:
    """An mbox file, locked while it is open; see :func:`open_mbox`.

    Args:
        box: The file.
    """

    def __init__(self, box: mbox) -> None:
        self._box = box
        self._unseen = [key for key in box.iterkeys() if not _status_of(box.get_bytes(key))]

    def __len__(self) -> int:
        return len(self._unseen)

    def __iter__(self) -> Iterator[bytes]:
        """Yield each mail; it counts as seen once the next one is asked for."""
        for key in self._unseen:
            yield self._box.get_bytes(key)
            first, _, rest = self._box.get_bytes(key, from_=True).partition(b"\n")
            self._box[key] = first + b"\nStatus: RO\n" + rest


@contextmanager
def open_mbox(path: Path) -> Iterator[Mbox]:
    """Open an mbox file, locked for mail systems; what was seen is written in the end.

    Raises:
        ConfigError: It cannot be read, locked or written.
    """
    try:
        box = mbox(path, create=False)
        box.lock()
    except (Error, OSError) as error:
        raise ConfigError(f"{path}: cannot be locked as an mbox: {error}") from error
    try:
        yield Mbox(box)
        box.flush()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    finally:
        box.close()


def _by_name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_unseen(name: str) -> bool:
    return not name.startswith(".") and _SEEN not in name.partition(_FLAGS)[2]


def _status_of(raw: bytes) -> bool:
    """Return whether a mail's Status header says that it was read."""
    for line in raw.splitlines():
        if not line:
            return False
        if line.lower().startswith(_STATUS):
            return b"R" in line[len(_STATUS) :]
    return False
