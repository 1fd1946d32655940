"""An embedded Valkey that another process owns: as a short command does, or a long run."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PROGRAM: Final = """
import sys
from pathlib import Path
from dispatcher.adapters.standalone.valkey import EmbeddedValkey
server = EmbeddedValkey(Path(sys.argv[1]))
print(server.start(), flush=True)
sys.stdin.read()
server.stop()
"""


@contextmanager
def owned_elsewhere(folder: Path) -> Iterator[Callable[[], None]]:
    """Have the server owned by another process; yields what lets that one stop it and end."""
    with subprocess.Popen(
        (sys.executable, "-c", _PROGRAM, folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process.stdin.close
