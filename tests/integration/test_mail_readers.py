"""Our mails as other programs read them: SpamAssassin, and the other Pythons of this machine."""

import email
import email.policy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dispatcher.message import Message
from tests.unit.adapters.mail.machines import every_mail
from tests.unit.adapters.mail.mails import a_draft, a_renderer

SPAMASSASSIN = shutil.which("spamassassin")
_INFORMATIONAL = frozenset({"HTML_MESSAGE", "NO_RECEIVED", "NO_RELAYS"})
"""Rules that say what a mail is, not what is wrong with it: an HTML part, no relay's trace."""

_LOCAL = ("--local", "--nocreate-prefs", "--prefspath=/dev/null")
_CONFIGURED = "add_header all Status score=_SCORE_ tests=_TESTS(,)_\nfold_headers 0"
_SHOWN = re.compile(r"^X-Spam-Status: score=(-?[\d.]+) tests=(\S*)", re.MULTILINE)
_ID = re.compile(r"^Message-ID: (\S+)", re.MULTILINE)

_WHO = "import os, sys; print(os.path.realpath(sys.executable))"
_READ = """
import email, email.policy, json, sys
from pathlib import Path
def read(path, policy):
    mail = email.message_from_bytes(Path(path).read_bytes(), policy=policy)
    parts = [[part.keys(), part.get_content_type(), (part.get_payload(decode=True) or b"").hex(),
              len(part.defects)] for part in mail.walk()]
    return [[name, str(value)] for name, value in mail.items()], parts
policies = (email.policy.compat32, email.policy.default)
print(json.dumps([[read(path, policy) for policy in policies] for path in sys.argv[1:]]))
"""


def _pythons() -> Sequence[str]:
    """Return the interpreters of this machine, each once, but the one that runs this."""
    names = ["/usr/bin/python3", *(f"python3.{minor}" for minor in range(11, 16))]
    asked = [
        subprocess.run([path, "-c", _WHO], capture_output=True, text=True, check=False)
        for path in map(shutil.which, names)
        if path is not None
    ]
    found = {answer.stdout.strip() for answer in asked if answer.returncode == 0}
    return sorted(found - {str(Path(sys.executable).resolve())})


@pytest.mark.skipif(SPAMASSASSIN is None, reason="spamassassin is not installed")
@pytest.mark.parametrize("content", ["full", "branded", "english"])
def test_spamassassin_finds_nothing_in_any_mail_of_any_language(
    content: str, tmp_path: Path
) -> None:
    mails = {name: message for name, message in every_mail(content) if " change " in name}
    answers = _asked(mails.values(), tmp_path)
    for name, message in mails.items():
        score, tests = answers[message.id]
        assert score <= 0.5, f"{name}: {tests}"
        assert tests <= _INFORMATIONAL, name


@pytest.mark.skipif(SPAMASSASSIN is None, reason="spamassassin is not installed")
def test_latin_names_among_cyrillic_letters_are_at_worst_one_point_of_the_five(
    tmp_path: Path,
) -> None:
    """More than 20 Latin e's, text and HTML together, are a disguise to one of its rules."""
    renderer = a_renderer(contact="security@acme.example")
    drafts = [
        replace(a_draft(locale=language), event_id=language)
        for language in ("bg", "mk", "ru", "uk")
    ]
    answers = _asked([renderer.render(draft) for draft in drafts], tmp_path)
    assert len(answers) == len(drafts)
    for score, tests in answers.values():
        assert score <= 1.0
        assert tests <= _INFORMATIONAL | {"MIXED_ES"}


def _asked(mails: Iterable[Message], tmp_path: Path) -> Mapping[str, tuple[float, set[str]]]:
    """Return SpamAssassin's score of each mail, and the rules that it names, by Message-ID."""
    box = tmp_path / "mails.mbox"
    box.write_bytes(b"".join(map(_mbox, mails)))
    ran = subprocess.run(
        [SPAMASSASSIN or "", *_LOCAL, f"--cf={_CONFIGURED}", "--mbox", str(box)],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        timeout=110,
        check=True,
    )
    # It answers in an order of its own.
    answers = re.split("(?m)^From x ", ran.stdout.decode(errors="replace"))[1:]
    shown = {_found(_ID, answer)[0]: _found(_SHOWN, answer) for answer in answers}
    return {mail: (float(score), set(tests.split(","))) for mail, (score, tests) in shown.items()}


def _found(pattern: re.Pattern[str], answer: str) -> tuple[str, ...]:
    match = pattern.search(answer)
    assert match is not None
    return match.groups()


def _mbox(message: Message) -> bytes:
    lines = message.content.replace(b"\r\n", b"\n")
    return b"From x Tue Nov 24 12:00:00 2026\n" + re.sub(rb"(?m)^From ", b">From ", lines) + b"\n"


@pytest.mark.parametrize("python", _pythons())
def test_another_python_reads_the_same_headers_and_parts(python: str, tmp_path: Path) -> None:
    paths = []
    for number, (_, message) in enumerate(every_mail("long")):
        paths.append(tmp_path / f"{number}.eml")
        paths[-1].write_bytes(message.content)
    ran = subprocess.run(
        [python, "-I", "-c", _READ, *map(str, paths)], capture_output=True, timeout=60, check=True
    )
    for path, (plain, strict) in zip(paths, json.loads(ran.stdout), strict=True):
        assert [name for name, _ in plain[0]] == [name for name, _ in strict[0]]
        assert plain[1] == strict[1]
        assert [part[3] for part in strict[1]] == [0, 0, 0]
        here = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert [name for name, _ in strict[0]] == here.keys()
        contents = [part.get_payload(decode=True) or b"" for part in here.walk()]
        assert [bytes.fromhex(part[2]) for part in strict[1]] == contents
