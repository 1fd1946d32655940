"""The mails' HTML: valid, and without a barrier that axe-core finds, in light and dark."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from dispatcher.adapters.standalone.mail_view import take_apart
from dispatcher.cli.parts import SENDER
from dispatcher.cli.preview_gallery import Gallery
from dispatcher.cli.preview_mails import DEMO_CONTACT, Look
from tests.acceptance import markup
from tests.builders import StandingClock

_CHECK: Final = 300.0


@pytest.fixture(scope="module")
def checker() -> Path:
    """Return the script that checks mails."""
    return markup.installed() / "check.mjs"


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


@pytest.mark.timeout(_CHECK + markup.INSTALL_TIME)
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
