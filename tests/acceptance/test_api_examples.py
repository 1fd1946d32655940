"""The examples in many languages do what they say, against the API of ``dispatcher up``."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.system import System, up, wait_until

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "api"

LANGUAGES = {
    "curl": ("sh", "policy.sh"),
    "python": (sys.executable, "policy.py"),
    "node": ("node", "policy.mjs"),
    "go": ("go", "run", "policy.go"),
    "java": ("java", "Policy.java"),
    "php": ("php", "policy.php"),
}


@dataclass(frozen=True)
class Api:
    system: System
    url: str
    token: str


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api") / "var"
    with up(folder, http_bind="127.0.0.1:0", grpc_bind="127.0.0.1:0") as system:
        made = system.ask("token", "create", "--org", "acme", "--role", "ORG_OWNER")
        yield Api(system, system.api(), made["token"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_switches_notices_on_and_tells_of_a_change(api: Api, language: str) -> None:
    command = LANGUAGES[language]
    needed = "curl" if language == "curl" else command[0]
    if shutil.which(needed) is None:
        pytest.skip(f"{needed} is not installed")
    before = len(api.system.mails_to("ada@example.org"))

    ran = subprocess.run(
        command,
        cwd=EXAMPLES,
        env=os.environ | {"API": api.url, "TOKEN": api.token, "ORG": "acme", "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "resourceOwner" in ran.stdout
    wait_until(
        lambda: len(api.system.mails_to("ada@example.org")) == before + 1, "the mail is there"
    )
