"""The mails' HTML: valid, and without a barrier that axe-core finds, in light and dark."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from dispatcher.adapters.standalone.mail_view import take_apart
from dispatcher.cli.parts import SENDER
from dispatcher.cli.preview_gallery import Gallery
from dispatcher.cli.preview_mails import DEMO_CONTACT, Look
from tests.builders import StandingClock

_SOURCES: Final = Path(__file__).parent.parent / "markup"
_INSTALLED: Final = Path(sys.prefix) / "markup"
_INSTALL: Final = 180.0  # seconds that npm may take
_CHECK: Final = 300.0


@pytest.fixture(scope="module")
def checker() -> Path:
    """Return the script that checks mails, installed beside the Python it runs under."""
    if not (shutil.which("npm") and shutil.which("chromium")):
        pytest.skip("npm or chromium is not installed")
    _INSTALLED.mkdir(exist_ok=True)
    for source in _SOURCES.iterdir():
        shutil.copy(source, _INSTALLED)
    if not (_INSTALLED / "node_modules" / "puppeteer-core").is_dir():
        command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
        try:
            subprocess.run(command, cwd=_INSTALLED, check=True, timeout=_INSTALL)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip("npm reaches no registry")
    return _INSTALLED / "check.mjs"


def _mails() -> list[dict[str, str]]:
    """Return mails of every language, and in some all there are."""
    gallery = Gallery(Look(SENDER, DEMO_CONTACT, "en"), StandingClock())
    edition = gallery.edition()
    assert edition.renderer is not None
    mails = []
    for exhibit in gallery.exhibits(edition.languages):
        first = exhibit.variant == "change" and exhibit.kind == "password_change"
        usual = first and exhibit.content == "full"
        if usual or exhibit.language == "en" or (first and exhibit.language == "ar"):
            view = take_apart(gallery.message(exhibit, edition.renderer).content)
            mails.append({"name": exhibit.path, "html": view.html or ""})
    return mails


@pytest.mark.timeout(_CHECK + _INSTALL)
def test_validator_and_accessibility_checker_find_nothing(checker: Path, tmp_path: Path) -> None:
    mails = _mails()
    assert len(mails) > 60
    file = tmp_path / "mails.json"
    file.write_text(json.dumps(mails), encoding="utf-8")
    ran = subprocess.run(
        ("node", checker, file, shutil.which("chromium") or ""),
        cwd=checker.parent,
        capture_output=True,
        text=True,
        timeout=_CHECK,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert json.loads(ran.stdout) == []
