"""A folder of mails: each an ``.eml`` file, byte for byte as sent, and its envelope beside it."""

import itertools
import json
import os
import re
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dispatcher.adapters.standalone.private_folder import make_private

_NAME: Final = re.compile(r"\d{8}T\d{6}\.\d{6}Z-\d{6,}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the SMTP conversation said about a mail (RFC 5321 section 2.3.1).

    Args:
        sender: The reverse path; empty for a bounce.
        recipients: The forward paths that were accepted.
        received_at: When the final dot came.
        smtputf8: Whether the client asked for SMTPUTF8 (RFC 6531).
        size: Bytes of the mail.
    """

    sender: str
    recipients: tuple[str, ...]
    received_at: datetime
    smtputf8: bool
    size: int


class Mailbox:
    """The mails in ``folder``; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)
        self._listing: tuple[int, tuple[str, ...]] = (-1, ())

    def open(self) -> None:
        """Make the folder, private to us.

        Raises:
            ConfigError: It cannot be made private.
        """
        self.folder = make_private(self.folder)

    def add(
        self, content: bytes, *, sender: str, recipients: tuple[str, ...], smtputf8: bool = False
    ) -> str:
        """Keep a mail and return its name; it appears whole or not at all.

        Not synced to disk: an inbox for looking at, not a store.
        """
        now = datetime.fromtimestamp(time.time(), tz=UTC)
        name = f"{now:%Y%m%dT%H%M%S.%fZ}-{next(self._numbers):06d}"
        envelope = Envelope(sender, recipients, now, smtputf8, len(content))
        fields = asdict(envelope) | {"received_at": now.isoformat()}
        sidecar = json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogateescape")
        _write(self.folder / f"{name}.json", sidecar)
        draft = self.folder / f".{name}.new"
        _write(draft, content)
        draft.rename(self.path(name))
        return name

    def path(self, name: str) -> Path:
        """Return the mail's file.

        Raises:
            FileNotFoundError: The name is none that this class gives.
        """
        if not _NAME.fullmatch(name):
            raise FileNotFoundError(name)
        return self.folder / f"{name}.eml"

    def read(self, name: str) -> bytes:
        """Return the mail as it was sent.

        Raises:
            FileNotFoundError: There is none of this name.
        """
        return self.path(name).read_bytes()

    def envelope(self, name: str) -> Envelope:
        """Return the mail's envelope.

        Raises:
            FileNotFoundError: There is none of this name.
        """
        fields = json.loads(self.path(name).with_suffix(".json").read_bytes())
        return Envelope(
            sender=fields["sender"],
            recipients=tuple(fields["recipients"]),
            received_at=datetime.fromisoformat(fields["received_at"]),
            smtputf8=fields["smtputf8"],
            size=fields["size"],
        )

    def names(self) -> tuple[str, ...]:
        """Return the mails' names, newest first."""
        changed_at = self.folder.stat().st_mtime_ns
        if self._listing[0] != changed_at:
            with os.scandir(self.folder) as entries:
                stems = (entry.name[:-4] for entry in entries if entry.name.endswith(".eml"))
                found = sorted(filter(_NAME.fullmatch, stems), reverse=True)
            self._listing = (changed_at, tuple(found))
        return self._listing[1]

    def clear(self) -> int:
        """Delete all mails and return how many there were."""
        names = self.names()
        for name in names:
            path = self.path(name)
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
        return len(names)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(content)
