"""Where and with what it was measured."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from dispatcher.adapters.standalone.valkey_binary import find_binary
from tests.bench.contenders import NODE, PEERS

_OURS: Final = ("celery", "kombu", "redis", "hiredis", "uvloop", "aiosmtplib", "Jinja2")
_PEERS: Final = ("dramatiq", "arq", "redis", "aiosmtplib")
_MODULE_VERSION: Final = r'"version": "([^"]*)"'
_MODULES: Final = ("bullmq", "ioredis", "nodemailer")


def describe() -> dict[str, str]:
    """Return the machine's and the programs' names and versions."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{_memory() / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "Valkey": _said([str(find_binary()), "--version"], r"v=(\S+)"),
        "ours": ", ".join(f"{name} {version(name)}" for name in _OURS),
        "alternatives": ", ".join(_alternatives()) or "not installed",
    }


def load() -> float:
    """Return how many processes wanted to run, on average over the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _alternatives() -> list[str]:
    found = []
    if (PEERS / "bin/python").exists():
        ask = f"from importlib.metadata import version as v; print(*map(v, {_PEERS!r}))"
        versions = _said([str(PEERS / "bin/python"), "-c", ask], "(.*)").split()
        found += [f"{name} {number}" for name, number in zip(_PEERS, versions, strict=False)]
    if NODE.exists():
        found.append(f"node {_said(['node', '--version'], 'v(.*)')}")
        for name in _MODULES:
            text = (NODE / "node_modules" / name / "package.json").read_text()
            found.append(f"{name} {_only(text, _MODULE_VERSION)}")
    return found


def _said(command: Sequence[str], pattern: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return _only(answer.stdout, pattern)


def _only(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else "?"
