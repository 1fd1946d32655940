"""OpenSSL's own program, as a signer that shares no code with what verifies."""

import shutil
from subprocess import run
from typing import Final

import pytest

needs_openssl: Final = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not installed"
)


def hmac_of(message: bytes, key: bytes, algorithm: str = "sha256") -> str:
    """Return the HMAC that ``openssl dgst`` makes, in lower-case hexadecimal."""
    command = ["openssl", "dgst", f"-{algorithm}", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}"]
    made = run(command, input=message, capture_output=True, check=True, timeout=30)
    return made.stdout.decode().split()[-1]
