"""The checkers of pages and mails that npm has: axe-core, html-validate."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

INSTALL_TIME: Final = 180.0
"""Seconds that npm may take."""

_SOURCES: Final = Path(__file__).parent.parent / "markup"
_INSTALLED: Final = Path(sys.prefix) / "markup"


def installed() -> Path:
    """Return the folder of the checkers, installed beside the Python it runs under; or skip."""
    if not (shutil.which("npm") and shutil.which("chromium")):
        pytest.skip("npm or chromium is not installed")
    _INSTALLED.mkdir(exist_ok=True)
    for source in _SOURCES.iterdir():
        shutil.copy(source, _INSTALLED)
    if not (_INSTALLED / "node_modules" / "puppeteer-core").is_dir():
        command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
        try:
            subprocess.run(command, cwd=_INSTALLED, check=True, timeout=INSTALL_TIME)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip("npm reaches no registry")
    return _INSTALLED


def axe() -> str:
    """Return axe-core as a script, or skip."""
    script = installed() / "node_modules" / "axe-core" / "axe.min.js"
    return script.read_text(encoding="utf-8")
