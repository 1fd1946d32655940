"""The pages of docs/connect: each kind has one, and the commands that they show work."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from dispatcher.sources import discover
from tests.unit.cli.installation import Run

PAGES = Path(__file__).parents[3] / "docs" / "connect"
COMMAND = re.compile(
    r"^\s*\$ (?:[^|\n]*\| )?dispatcher (connection (?:[^\\\n]|\\\n)*)", re.MULTILINE
)
SECRETS = {"supabase": "v1,whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
TRIED = {"add", "change", "rotate", "kinds"}
FILES = {"--secret-file", "--directory-secret-file"}


def commands(page: Path) -> list[list[str]]:
    """Return the commands about connections that a page shows, in order."""
    text = re.sub(r"\$([A-Z]+)\b", "https://iam.acme.example", page.read_text(encoding="utf-8"))
    found = (
        shlex.split(each.replace("\\\n", " "), comments=True) for each in COMMAND.findall(text)
    )
    return [each for each in found if each[1] in TRIED]


@pytest.mark.parametrize("kind", discover())
def test_every_kind_has_a_page_that_shows_how_to_add_it(kind: str) -> None:
    shown = [command for page in PAGES.glob("*.md") for command in commands(page)]
    assert (PAGES / f"{kind}.md").exists()
    assert any(kind in command for command in shown if command[1] == "add")


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.name)
def test_the_commands_of_a_page_work_in_order(
    run: Run, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in commands(page):
        for option, value in pairwise(command):
            if option in FILES and value != "-":
                (tmp_path / value).write_text("a secret in a file")
        kind = command[command.index("--kind") + 1] if "--kind" in command else ""
        answer = run(*command, stdin=SECRETS.get(kind, "a secret on stdin"))
        assert answer.code == 0, f"{command}: {answer.err}"
