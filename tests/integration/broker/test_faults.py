"""Faults that stock kombu does not survive; each runs against it, too, to show that it is seen."""

import json
import signal
import time
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import pytest
from celery import Celery

from dispatcher.adapters.broker.quarantine import Quarantine
from tests.integration.broker.processes import Broker, Worker, stays, wait_until

Start = Callable[..., Worker]
Control = Callable[[str], None]

_LOAD = 300


@pytest.fixture
def control(record_property: Callable[[str, object], None]) -> Control:
    """Tell the fault suite's report what became of stock kombu."""
    return lambda what: record_property("fault control", what)


def send(producer: Celery, task: str, *args: Any, queue: str = "notifications") -> None:
    producer.send_task(task, args=args, queue=queue)


def asleep(broker: Broker, engine: str) -> bool:
    """Whether the worker waits for messages on an empty queue, as the server sees it."""
    clients = broker.client.client_list()
    if engine == "stock":
        return any(client["cmd"] == "brpop" and "b" in client["flags"] for client in clients)
    return any("t" in client["flags"] and client["cmd"] == "evalsha" for client in clients)


@pytest.mark.parametrize(("engine", "lost"), [("ours", 0), ("stock", 1)])
def test_f3_a_worker_stopped_while_waiting_and_then_killed_takes_nothing_with_it(
    broker: Broker,
    start: Start,
    producer: Celery,
    *,
    control: Control,
    engine: str,
    lost: int,
) -> None:
    arguments = "-c 2" if engine == "ours" else "-c 1 -P solo"
    worker = start(arguments, TEST_ENGINE=engine).ready()
    wait_until(lambda: asleep(broker, engine), what="worker waits")
    worker.send(signal.SIGSTOP)

    send(producer, "record", "precious")
    worker.send(signal.SIGKILL)
    worker.process.wait()
    wait_until(lambda: not asleep(broker, engine), what="server noticed")

    assert 1 - (broker.queued() + broker.held()) == lost
    if lost:
        control("F3: 1 of 1 message lost")


@pytest.mark.faults
@pytest.mark.timeout(400)
def test_f1_stock_workers_killed_at_random_take_messages_with_them(
    broker: Broker, start: Start, producer: Celery, control: Control
) -> None:
    names = [f"m{number}" for number in range(_LOAD)]
    for name in names:
        send(producer, "record", name)
    chance, kills = Random(1), 0
    while broker.queued():
        had = len(broker.done())
        worker = start("-c 1 -P solo", TEST_ENGINE="stock").ready()
        wait_until(partial(_has_done_more_than, broker, had), what="it works")
        time.sleep(chance.random() / 20)  # the instant is what is random
        worker.send(signal.SIGKILL)
        worker.process.wait()
        kills += 1
    start("-c 1 -P solo", TEST_ENGINE="stock").ready()
    wait_until(lambda: not broker.queued() + broker.held(), 40, "nothing left")
    lost = set(names) - set(broker.done())
    assert lost
    control(f"F1: {len(lost)} of {_LOAD} messages lost in {kills} times kill -9")


def _has_done_more_than(broker: Broker, count: int) -> bool:
    return len(broker.done()) > count


@pytest.mark.parametrize(
    ("engine", "recovers"),
    [("ours", True), pytest.param("stock", False, marks=pytest.mark.faults)],
)
def test_f8_a_broker_that_dies_while_all_credit_is_used_up_finds_the_worker_consuming_again(
    broker: Broker,
    start: Start,
    producer: Celery,
    *,
    control: Control,
    engine: str,
    recovers: bool,
) -> None:
    arguments = "-c 2" if engine == "ours" else "-c 2 -P threads"
    # No other connection than the consuming one, whose loss others would notice.
    worker = start(f"{arguments} --without-heartbeat", TEST_ENGINE=engine, TEST_REMOTE="no").ready()
    for number in range(6):
        send(producer, "hold", f"m{number}", 1.0)
    wait_until(lambda: len(broker.done("begun")) == 2, what="all credit used")
    broker.kill()
    wait_until(lambda: len(broker.done()) >= 2, what="tasks end while the broker is away")
    if engine == "stock":
        wait_until(lambda: worker.text.count("Couldn't ack") == 2, what="both credits leaked")
    broker.start()

    def all_done() -> bool:
        return set(broker.done()) == {f"m{number}" for number in range(6)}

    if not recovers:
        assert stays(lambda: not all_done(), 8)
        control("F8: connected again, and consumes no more")
        return
    wait_until(all_done, 20, "everything done")
    wait_until(lambda: broker.held() + broker.queued() == 0, what="everything settled")
    assert len(broker.done()) == 6, "nothing was done twice"


def envelope(**changes: Any) -> dict[str, Any]:
    body = json.dumps([["x"], {}, {}]).encode()
    message: dict[str, Any] = {
        "body": b64encode(body).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "record", "id": "1"},
        "properties": {"delivery_tag": "t", "body_encoding": "base64"},
    }
    return message | changes


def body_of(content: Any) -> str:
    return b64encode(json.dumps(content).encode()).decode()


GARBAGE: dict[str, tuple[str, bytes]] = {
    name: (reason, raw if isinstance(raw, bytes) else json.dumps(raw).encode())
    for name, (reason, raw) in {
        "no JSON": ("not_json", b"not json"),
        "no text": ("not_json", b"\xff\xfe\x00"),
        "deep JSON": ("not_json", b"[" * 100_000),
        "no envelope": ("no_envelope", {"a": 1}),
        "a list": ("no_envelope", [1, 2]),
        "no id": ("no_id", envelope(headers={"task": "record"})),
        "no task": ("no_task", envelope(headers={"id": "1"})),
        "no delivery tag": ("no_delivery_tag", envelope(properties={"body_encoding": "base64"})),
        "null content type": ("content_type", envelope(**{"content-type": None})),
        "pickle": ("content_type", envelope(**{"content-type": "application/x-python-serialize"})),
        "strange encoding": ("content_encoding", envelope(**{"content-encoding": "ebcdic"})),
        "listed encoding": ("content_encoding", envelope(**{"content-encoding": []})),
        "broken base64": ("body_encoding", envelope(body="%%%")),
        "unknown wrapping": (
            "body_encoding",
            envelope(properties={"delivery_tag": "t", "body_encoding": "rot13"}),
        ),
        "body no JSON": ("bad_body", envelope(body=b64encode(b"nope").decode())),
        "body null": ("bad_body", envelope(body=None)),
        "body short": ("bad_body", envelope(body=body_of([[]]))),
        "args no list": ("bad_body", envelope(body=body_of(["x", {}, {}]))),
        "callbacks": ("embedded_calls", envelope(body=body_of([[], {}, {"callbacks": [{}]}]))),
        "errbacks": ("embedded_calls", envelope(body=body_of([[], {}, {"errbacks": [{}]}]))),
        "chain": ("embedded_calls", envelope(body=body_of([[], {}, {"chain": [{}]}]))),
        "chord": ("embedded_calls", envelope(body=body_of([[], {}, {"chord": {"a": 1}}]))),
        "headers no object": ("bad_headers", envelope(headers=[])),
        "strange time limit": (
            "bad_headers",
            envelope(headers={"task": "record", "id": "1", "timelimit": "soon"}),
        ),
        "strange ETA": (
            "bad_headers",
            envelope(headers={"task": "record", "id": "1", "eta": "yesterday-ish"}),
        ),
        "compressed": (
            "compressed",
            envelope(headers={"task": "record", "id": "1", "compression": "application/x-gzip"}),
        ),
        "unknown task": ("unknown_task", envelope(headers={"task": "os.system", "id": "1"})),
        "5 MB": ("too_large", envelope(body="A" * 5_000_000)),
    }.items()
}


def test_f27_garbage_of_every_kind_is_put_aside_with_its_reason_by_a_worker_that_stays(
    broker: Broker, start: Start, producer: Celery
) -> None:
    worker = start().ready()
    for reason_and_raw in GARBAGE.values():
        broker.client.lpush("notifications", reason_and_raw[1])
    send(producer, "record", "good")

    wait_until(lambda: broker.done() == ["good"], what="the good one is done")
    wait_until(lambda: broker.client.hlen("nd:quarantine") == len(GARBAGE), what="all put aside")
    wait_until(lambda: broker.held() == 0, what="nothing in flight")
    kept = list(Quarantine(broker.client).list())
    assert sorted(item.reason for item in kept) == sorted(reason for reason, _ in GARBAGE.values())
    assert {item.queue for item in kept} == {"notifications"}
    assert worker.process.poll() is None
    assert "not consuming" not in worker.text


def test_f27_one_garbage_string_ends_a_stock_worker(
    broker: Broker, start: Start, control: Control
) -> None:
    worker = start("-c 1 -P solo", TEST_ENGINE="stock").ready()
    broker.client.lpush("notifications", "not json")
    assert worker.process.wait(20) != 0
    control("F27: one string that is no JSON ends the worker")


@pytest.mark.parametrize("lease", ["2", pytest.param("12", marks=pytest.mark.faults)])
def test_what_a_killed_worker_held_is_done_by_another_within_20_s(
    broker: Broker, start: Start, producer: Celery, lease: str
) -> None:
    doomed = start("-c 3", TEST_LEASE=lease).ready()
    for number in range(3):
        send(producer, "hold", f"m{number}", 60.0)
    wait_until(lambda: len(broker.done("begun")) == 3, what="all begun")
    start("-c 3", TEST_LEASE=lease).ready()
    doomed.send(signal.SIGKILL)

    wait_until(lambda: len(broker.done("begun")) == 6, 20, "all begun again")


def test_a_slow_task_outlives_many_leases_without_being_taken_away(
    broker: Broker, start: Start, producer: Celery
) -> None:
    for pool in ("", "-P solo"):
        start(f"-c 1 {pool}", TEST_LEASE="1").ready()
    send(producer, "block", "slow", 2.5)
    wait_until(lambda: broker.done() == ["slow"], what="done")
    wait_until(lambda: broker.held() == 0, what="settled")
    assert broker.done("begun") == ["slow"]


def test_a_worker_that_was_stopped_for_longer_than_its_leases_corrupts_nothing(
    broker: Broker, start: Start, producer: Celery
) -> None:
    sleeper = start("-c 2", TEST_LEASE="1").ready()
    for number in range(4):
        send(producer, "hold", f"m{number}", 0.5)
    wait_until(lambda: len(broker.done("begun")) == 2, what="two begun")
    sleeper.send(signal.SIGSTOP)
    start("-c 4", TEST_LEASE="1").ready()
    wait_until(lambda: len(set(broker.done())) == 4, what="the other did all")
    sleeper.send(signal.SIGCONT)

    wait_until(lambda: len(broker.done()) >= 6, what="the sleeper ended its own")
    send(producer, "record", "after")
    wait_until(lambda: "after" in broker.done(), what="consuming")
    wait_until(lambda: broker.held() + broker.queued() == 0, what="settled")
    assert broker.client.zcard("unacked_index") == 0
    assert sleeper.process.poll() is None
