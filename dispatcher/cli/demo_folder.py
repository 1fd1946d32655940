"""The demo's own folder: new for each run, and nothing of anybody else's in it is touched."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dispatcher.adapters.standalone.valkey import EmbeddedValkey, is_running
from dispatcher.errors import ConfigError

_MARK: Final = "made-by-dispatcher-demo"
_MAIL_FILES: Final = frozenset({".eml", ".json"})


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Where a demo keeps what it makes."""

    path: Path

    @property
    def inbox(self) -> Path:
        """Return the folder of the mails."""
        return self.path / "inbox"

    @property
    def worker_log(self) -> Path:
        """Return the worker's log file."""
        return self.path / "worker.log"

    def claim(self) -> None:
        """Make the folder, and mark it as a demo's.

        Raises:
            ConfigError: It cannot be made, or there are files in it that no demo left.
        """
        mark = self.path / _MARK
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not mark.exists() and any(self.path.iterdir()):
                raise ConfigError(
                    f"{self.path} holds files that no demo left: name another with --data-dir"
                )
            mark.touch()
        except OSError as error:
            raise ConfigError(f"cannot use the folder {self.path}: {error.strerror}") from error

    def wipe(self) -> None:
        """Remove what an earlier run left, its server included if it was killed."""
        valkey = self.path / "valkey"
        if is_running(valkey):
            survivor = EmbeddedValkey(valkey)
            survivor.start()
            survivor.stop()
        if valkey.is_dir():
            shutil.rmtree(valkey)
        for file in self.inbox.glob("*"):
            if file.suffix in _MAIL_FILES:
                file.unlink()
        self.worker_log.unlink(missing_ok=True)
