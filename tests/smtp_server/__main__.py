"""A sink in a process of its own: ``python -m tests.smtp_server --port 0``.

Prints the port it listens on, then, at the end of its standard input, how many
messages it took.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.smtp_server.certificates import Certificate, self_made_certificate
from tests.smtp_server.relay import ScriptedRelay
from tests.smtp_server.script import Traits


async def _serve(port: int, traits: Traits, certificate: Certificate | None) -> None:
    relay = ScriptedRelay(traits=traits, certificate=certificate, port=port)
    await relay.listen_here()
    print(relay.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(relay.accepted, flush=True)


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.smtp_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--no-pipelining", action="store_true")
    parser.add_argument("--starttls", metavar="FOLDER", help="make a certificate there, offer TLS")
    chosen = parser.parse_args()
    folder = Path(chosen.starttls or tempfile.gettempdir())
    certificate = self_made_certificate(folder) if chosen.starttls else None
    traits = Traits(
        keep=False, pipelining=not chosen.no_pipelining, starttls=certificate is not None
    )
    uvloop.run(_serve(chosen.port, traits, certificate))


if __name__ == "__main__":
    main()
