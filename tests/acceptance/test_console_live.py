"""The console of ``dispatcher up``: over the real store, with a real worker."""

import os
import re
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.acceptance.system import System, an_event, dispatcher, up, wait_until

ANY_PORTS = {"http_bind": "127.0.0.1:0", "grpc_bind": "127.0.0.1:0"}
WORKERS = "/console/workers"
SAME = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with up(tmp_path_factory.mktemp("console") / "var", **ANY_PORTS) as running:
        running.update_policy("acme", {"passwordChange": True})
        yield running


@pytest.fixture
def console(system: System) -> Iterator[httpx.Client]:
    """Return a client that is signed in at the address which the banner tells."""
    url = system.api()
    assert f"{url}/console" in system.printed.read_text()
    made = dispatcher("token", "create", "--role", "IAM_OWNER", env=system.env)
    token = made.stdout.split()[-1]
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as http:
        entered = http.post("/console/sign-in", data={"token": token}, headers=SAME)
        assert entered.status_code == 303, entered.text
        yield http


def text_of(http: httpx.Client, page: str) -> str:
    answer = http.get(page)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_what_a_worker_does_is_seen_in_figures_plots_and_on_the_workers_page(
    system: System, console: httpx.Client
) -> None:
    for number in range(20):
        system.publish(an_event(f"shown-{number}"))
    system.publish(an_event("nobody", "quiet"))
    wait_until(lambda: "Sent 20" in text_of(console, "/console/"), "the ledger's figures show it")
    wait_until(
        lambda: "20 sent 1 skipped 0 deferred 0 dead" in text_of(console, "/console/live"),
        "the worker has reported it",
    )
    workers = text_of(console, "/console/workers")
    assert "of 128" in workers
    assert "takes mail" in workers
    assert "Event shown-7 of acme was sent." in text_of(console, "/console/delivery/shown-7")


def test_a_letter_that_is_resent_here_is_taken_up_by_the_worker(
    system: System, console: httpx.Client
) -> None:
    system.publish({"id": "broken", "org_id": "acme", "user": {"email": "ada@acme.example"}})
    wait_until(lambda: "broken" in text_of(console, "/console/dead-letters"), "it is a letter")
    page = "/console/resend/broken?org=acme"
    mark = re.search(r'name="csrf" value="([^"]+)"', console.get(page).text)
    assert mark
    done = console.post(page, data={"csrf": mark[1]}, headers=SAME)
    assert done.headers["location"] == "/console/delivery/broken?org=acme&done=resent"
    wait_until(
        lambda: "broken" in text_of(console, "/console/dead-letters"), "it is malformed as before"
    )


def test_a_policy_that_is_switched_off_here_keeps_the_next_mail_back(
    system: System, console: httpx.Client
) -> None:
    page = "/console/policy/switched"
    for on in ("true", "false"):
        mark = re.search(r'name="csrf" value="([^"]+)"', console.get(page).text)
        assert mark
        fields = {"csrf": mark[1], "switch": "passwordChange", "on": on}
        assert console.post(page, data=fields, headers=SAME).status_code == 303
        system.publish(an_event(f"when-{on}", "switched"))
        system.settled(f"when-{on}")
    assert "when-true of switched was sent" in text_of(console, "/console/delivery/when-true")
    assert "was skipped" in text_of(console, "/console/delivery/when-false")
    assert "Password change off" in text_of(console, page)


def test_each_process_of_a_worker_reports_itself_and_takes_its_leave(
    system: System, console: httpx.Client
) -> None:
    def processes() -> set[int]:
        return {int(pid) for pid in re.findall(r"/(\d+) \d+ of 128", text_of(console, WORKERS))}

    (pid,) = system.workers()
    wait_until(lambda: processes() == {pid}, "it reports itself")
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: system.workers() not in ([], [pid]), "there is another one")
    wait_until(lambda: processes() == {*system.workers()}, "and the first has left")
