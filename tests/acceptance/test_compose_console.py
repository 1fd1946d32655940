"""The stack's API shows the whole console with the rights it has, and lacks none."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.stack_services import (
    PATIENCE,
    command,
    running_api,
    running_worker,
    until,
)
from tests.acceptance.stack_valkey import StackValkey, passwords, running
from tests.smtp_server import ScriptedRelay

SAME = {"sec-fetch-site": "same-origin"}
PAGES = (
    "",
    "live",
    "deliveries",
    "dead-letters",
    "policies",
    "policy/acme",
    "default-policy",
    "workers",
    "connections",
)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[StackValkey]:
    folder = tmp_path / "valkey"
    folder.mkdir()
    with running(folder, passwords()) as server:
        yield server


def test_every_page_and_a_change_work_with_the_rights_of_the_stack(
    valkey: StackValkey, tmp_path: Path
) -> None:
    with (
        ScriptedRelay() as relay,
        running_worker(
            valkey, tmp_path, smtp_url=f"smtp://127.0.0.1:{relay.port}?tls=none"
        ) as worker,
        running_api(valkey, tmp_path) as api,
        httpx.Client(base_url=api.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        made = json.loads(command(worker, "token", "create", "--role", "IAM_OWNER", "--json"))
        entered = http.post("/console/sign-in", data={"token": made["token"]}, headers=SAME)
        assert entered.status_code == 303, entered.text
        until(lambda: "takes mail" in http.get("/console/workers").text, "the worker reports")
        for page in PAGES:
            assert http.get(f"/console/{page}").status_code == 200, page
        mark = re.search(r'name="csrf" value="([^"]+)"', http.get("/console/policy/acme").text)
        assert mark
        fields = {"csrf": mark[1], "switch": "passwordChange", "on": "true"}
        assert http.post("/console/policy/acme", data=fields, headers=SAME).status_code == 303
        assert http.post("/console/sign-out", headers=SAME).status_code == 303
    assert valkey.denials() == []
