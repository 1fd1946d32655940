"""The ways to a broker: TLS, an ACL user, a key prefix; and links that break or fall silent."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu.asynchronous import Hub

from tests.integration.broker.link import link
from tests.integration.broker.processes import REPOSITORY, Broker, Worker, wait_until
from tests.integration.broker.proxy import proxy
from tests.smtp_server.certificates import self_made_certificate

Start = Callable[..., Worker]


def test_messages_larger_than_a_tls_record_arrive_over_tls(
    broker: Broker, producer: Celery, tmp_path: Path
) -> None:
    certificate = self_made_certificate(tmp_path)
    with proxy(broker.socket, certificate.server_context()) as secure:
        url = f"rediss://127.0.0.1:{secure.port}/0?ssl_cert_reqs=required"
        url += f"&ssl_ca_certs={certificate.cert}"
        with link(url) as ours:
            ours.turn()
            sizes = [10, 40_000, 1, 100_000, 3]
            for size in sizes:
                producer.send_task("record", args=["x" * size], queue="notifications")
            assert [len(body) for body in ours.receive(5)] == sizes
            for message in ours.messages:
                message.ack()
            ours.until(lambda: broker.held() == 0, "settled")


def test_a_connection_that_is_given_up_leaves_nothing_behind_in_the_event_loop(
    broker: Broker,
) -> None:
    hub = Hub()
    for _ in range(3):
        with link(broker.url) as ours:
            ours.connection.register_with_event_loop(hub)
            assert hub.on_tick
    assert not hub.on_tick
    timers = [each.entry for each in hub.timer.queue]
    assert timers
    assert all(timer.canceled for timer in timers)


def shipped_rules(role: str) -> list[str]:
    """Return the rules of a role as they are shipped, without those about its password."""
    for line in (REPOSITORY / "deploy/valkey/users.acl").read_text().splitlines():
        if line.startswith(f"user {role} "):
            return [rule for rule in line.split()[2:] if not re.fullmatch("off|resetpass", rule)]
    raise AssertionError(role)


def worker_user(broker: Broker, rules: list[str]) -> str:
    """Have a user of these rules; return its URL."""
    ask: Any = broker.client.execute_command
    ask("ACL", "SETUSER", "worker", "on", ">secret", *rules)
    return f"redis+socket://worker:secret@{broker.socket}?virtual_host=0"


def test_the_shipped_worker_role_may_all_that_taking_and_settling_needs(
    broker: Broker, producer: Celery
) -> None:
    url = worker_user(broker, shipped_rules("worker"))
    with link(url, "notifications", "policies", lease=4.0) as ours:
        for number in range(3):
            producer.send_task("record", args=[number], queue="notifications")
        broker.client.lpush("notifications", "garbage")
        ours.receive(3)
        ours.messages[0].ack()
        ours.messages[1].requeue()
        ours.channel.keeper._keep(ours.channel.open_client(), sweeps=True)
        ours.receive(4)
        ours.until(lambda: broker.held() == 2, "one settled")
    assert (broker.queued(), broker.held(), broker.client.hlen("nd:quarantine")) == (2, 0, 1)
    assert broker.client.acl_log() == []


def test_a_server_that_cannot_tell_of_changes_is_asked_again_and_again(
    broker: Broker, producer: Celery
) -> None:
    url = worker_user(broker, [*shipped_rules("worker"), "-client|tracking"])
    with link(url) as ours:
        ours.turn()
        ours.turn()
        for number in range(3):
            producer.send_task("record", args=[number], queue="notifications")
            assert ours.receive(number + 1)[-1] == number


@pytest.mark.faults
def test_a_link_that_falls_silent_is_noticed_and_replaced(
    broker: Broker, start: Start, producer: Celery
) -> None:
    with proxy(broker.socket) as link_to_it:
        url = f"redis://127.0.0.1:{link_to_it.port}/0"
        worker = start("-c 2", TEST_URL=url, TEST_LEASE="4", TEST_REMOTE="no").ready()
        producer.send_task("record", args=["before"], queue="notifications")
        wait_until(lambda: broker.done() == ["before"], what="done")
        accepted = link_to_it.accepted
        link_to_it.fall_silent()
        producer.send_task("record", args=["after"], queue="notifications")

        wait_until(lambda: broker.done() == ["before", "after"], 20, "done over a new link")
        assert link_to_it.accepted > accepted
        assert "has not answered" in worker.text


def test_a_worker_that_starts_before_its_broker_waits_for_it(
    broker: Broker, start: Start, producer: Celery
) -> None:
    broker.kill()
    worker = start()
    wait_until(lambda: "Cannot connect" in worker.text, 30, "the worker tries")
    broker.start()
    worker.ready()
    producer.send_task("record", args=["m"], queue="notifications")
    wait_until(lambda: broker.done() == ["m"], what="done")
