"""The configuration of the embedded server: private, durable, never forgetful."""

import os
from pathlib import Path
from typing import Final

_TEMPLATE: Final = """\
# Written by the dispatcher at each start; changes made here are lost.
port 0
unixsocket {socket}
unixsocketperm 700
protected-mode yes
daemonize no
dir {folder}
databases 16

# An acknowledged write is on disk; a tail torn by a power cut is cut off, nothing else is.
appendonly yes
appendfsync always
aof-load-truncated yes
save ""

# A full memory refuses writes, which are then tried again. It never drops a message.
maxmemory {maxmemory}
maxmemory-policy noeviction

# The ledger's due times are few and busy: found by skipping, not by walking.
zset-max-listpack-entries 0

# A crash report would hold the commands, and they hold addresses.
crash-log-enabled no
crash-memcheck-enabled no
"""


def default_maxmemory() -> int:
    """Return half of this machine's memory, in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def write_config(path: Path, *, folder: Path, socket: Path, maxmemory: int) -> None:
    """Write the server's configuration to ``path``, readable by us alone.

    Args:
        path: The file; an older one is replaced in one step.
        folder: Where the server keeps its append-only files.
        socket: Where it listens.
        maxmemory: Bytes of keys and values it may hold.
    """
    text = _TEMPLATE.format(socket=_quote(socket), folder=_quote(folder), maxmemory=maxmemory)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(os.fsencode(text))
    draft.replace(path)


def _quote(path: Path) -> str:
    escaped = "".join(
        f"\\x{ord(character):02x}" if character in '\\"' or ord(character) < ord(" ") else character
        for character in str(path)
    )
    return f'"{escaped}"'
