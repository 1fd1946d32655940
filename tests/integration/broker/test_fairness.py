"""One organization's burst and the others: who is taken when, and that nothing is lost over it."""

import json
import time
import uuid
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatcher.adapters.broker import scripts
from dispatcher.adapters.broker.keys import Keys
from dispatcher.adapters.broker.lanes import depth, lane_of, unsort
from tests.integration.broker.link import Link, link
from tests.integration.broker.processes import Broker, Worker, wait_until
from tests.integration.broker.test_links import shipped_rules, worker_user

Start = Callable[..., Worker]

KEYS = Keys("", "\x06\x16", (0, 3, 6, 9), "unacked", "unacked_index")
QUEUE = "notifications"
RING = KEYS.ring(QUEUE)


def message(body: str, *, encoded: bool = True) -> str:
    headers = {"lang": "any", "task": "record", "id": str(uuid.uuid4())}
    properties = {
        "delivery_tag": headers["id"],
        "delivery_info": {"exchange": "", "routing_key": QUEUE},
        "body_encoding": "base64" if encoded else "utf-8",
    }
    return json.dumps(
        {
            "body": b64encode(body.encode()).decode() if encoded else body,
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": headers,
            "properties": properties,
        }
    )


def event(org: str, name: str) -> str:
    return message(json.dumps([[{"id": name, "org_id": org}], {}, {}]))


def publish(broker: Broker, org: str, count: int, *, start: int = 0) -> None:
    broker.client.lpush(QUEUE, *[event(org, f"{org}.{start + n}") for n in range(count)])


def waiting(broker: Broker) -> int:
    return broker.queued() + depth(broker.client, KEYS, QUEUE)


def serve(ours: Link, count: int) -> list[str]:
    """Settle what comes until so many came; return their organizations in order."""
    served: list[str] = []
    deadline = time.monotonic() + 60
    while len(served) < count:
        assert time.monotonic() < deadline, f"{len(served)} of {count}"
        ours.turn()
        batch, ours.messages[:] = list(ours.messages), []
        for one in batch:
            served.append(one.payload[0][0]["org_id"])
            one.ack()
    return served


def test_one_event_beside_a_burst_is_among_the_next_as_soon_as_the_burst_is_sorted(
    broker: Broker,
) -> None:
    publish(broker, "loud", 20_000)
    publish(broker, "quiet", 1)
    with link(broker.url, credit=50) as ours:
        served = serve(ours, 3000)
    assert "quiet" in served, "behind the sorting of 20,000, not behind their delivery"


def test_an_event_that_comes_during_a_sorted_burst_is_in_the_next_batch(broker: Broker) -> None:
    publish(broker, "loud", 5_000)
    with link(broker.url, credit=50) as ours:
        serve(ours, 1000)
        assert broker.queued() == 0, "all is in lanes"
        publish(broker, "quiet", 1)
        assert "quiet" in serve(ours, 150)


def test_of_a_hundred_organizations_those_with_little_are_through_first(broker: Broker) -> None:
    for number in range(100):
        publish(broker, f"org{number}", 10 + 40 * (number % 2))
    with link(broker.url, credit=200) as ours:
        served = serve(ours, 3000)
        assert broker.client.keys(f"{QUEUE}*") == [], "no lane is left"
    last = max(at for at, org in enumerate(served) if int(org.removeprefix("org")) % 2 == 0)
    assert last < 2000, "in order of arrival it were the 2,950th"


def test_events_of_one_organization_keep_their_order(broker: Broker) -> None:
    publish(broker, "a", 700)
    publish(broker, "b", 700)
    got: dict[str, list[int]] = {"a": [], "b": []}
    with link(broker.url, credit=64) as ours:
        while sum(map(len, got.values())) < 1400:
            ours.turn()
            for one in ours.messages:
                org, _, number = one.payload[0][0]["id"].partition(".")
                got[org].append(int(number))
                one.ack()
            ours.messages.clear()
    assert got == {"a": list(range(700)), "b": list(range(700))}


def test_a_short_queue_is_taken_as_it_is(broker: Broker) -> None:
    publish(broker, "a", 500)
    with link(broker.url, credit=15) as ours:
        ours.receive(15)
        assert broker.client.keys(f"{QUEUE}:*") == []


def test_what_names_no_organization_shares_a_lane_and_garbage_is_put_aside(broker: Broker) -> None:
    broker.client.lpush(QUEUE, *["garbage", '{"half": '] * 300)
    publish(broker, "a", 100)
    for _ in range(100):
        broker.client.lpush(QUEUE, message(json.dumps([[{"org_id": "not an id!"}], {}, {}])))
    with link(broker.url, credit=50) as ours:
        served = serve(ours, 200)
        ours.until(lambda: broker.client.hlen("nd:quarantine") == 600, "garbage is put aside")
    assert Counter(served) == {"a": 100, "not an id!": 100}


def test_a_burst_whose_messages_are_not_settled_leaves_credit_for_others(broker: Broker) -> None:
    publish(broker, "slow", 400)
    with link(broker.url, credit=64) as ours:
        ours.receive(60)
        ours.turn()
        ours.turn()
        assert len(ours.messages) == 60, "one in sixteen is kept free"
        publish(broker, "quiet", 3)
        ours.receive(63)
        assert [one.lane for one in ours.messages[60:]] == ["quiet"] * 3
        for one in ours.messages[:10]:
            one.ack()
        ours.receive(73)


def test_a_worker_without_credit_for_the_burst_waits_instead_of_asking(broker: Broker) -> None:
    publish(broker, "slow", 400)
    with link(broker.url, credit=64) as ours:
        ours.receive(60)
        for _ in range(5):
            ours.turn()
        before = calls(broker)
        for _ in range(10):
            ours.turn()
        assert calls(broker) - before <= 2


def calls(broker: Broker) -> int:
    stats: Any = broker.client.info("commandstats")
    return int(stats["cmdstat_evalsha"]["calls"])


def test_two_workers_share_lanes_and_take_everything_once(broker: Broker) -> None:
    for org in ("a", "b", "c"):
        publish(broker, org, 1000)
    with link(broker.url, credit=40) as one, link(broker.url, credit=40) as two:
        names: list[str] = []
        deadline = time.monotonic() + 30
        while len(names) < 3000:
            assert time.monotonic() < deadline
            for ours in (one, two):
                ours.turn(0.01)
                names += [each.payload[0][0]["id"] for each in ours.messages]
                for each in ours.messages:
                    each.ack()
                ours.messages.clear()
    assert len(set(names)) == len(names) == 3000
    assert broker.held() + waiting(broker) == 0


def test_lanes_survive_a_killed_worker(broker: Broker, start: Start) -> None:
    publish(broker, "loud", 3000)
    worker = start("-c 32", TEST_LEASE="1").ready()
    wait_until(lambda: len(broker.done()) > 100, what="some are done")
    worker.process.kill()
    worker.process.wait()
    assert broker.client.exists(RING)
    start("-c 32", TEST_LEASE="1").ready()
    wait_until(lambda: waiting(broker) + broker.held() == 0, 30, "all done")
    assert len({word for word in broker.done() if word.startswith("'loud.")}) == 3000


def test_messages_given_back_are_the_next_of_their_lane(broker: Broker) -> None:
    publish(broker, "a", 1200)
    with link(broker.url, credit=100) as ours:
        first = {one["id"] for one in ours.receive(93)}
    with link(broker.url, credit=100) as ours:
        again = {one["id"] for one in ours.receive(len(first))}
    assert again == first


def test_the_size_of_a_queue_counts_its_lanes_and_purging_empties_them(broker: Broker) -> None:
    publish(broker, "a", 1000)
    publish(broker, "b", 1000)
    with link(broker.url, credit=100) as ours:
        ours.receive(93)
        ours.turn()
        held = broker.held()
        channel = ours.connection.channel()
        assert channel.queue_declare(QUEUE, passive=True).message_count == 2000 - held
        assert channel.queue_purge(QUEUE) == 2000 - held
        assert broker.client.keys(f"{QUEUE}*") == []


def test_unsorted_lanes_are_served_by_a_stock_consumer(broker: Broker) -> None:
    publish(broker, "a", 1000)
    publish(broker, "b", 1000)
    with link(broker.url, credit=600) as ours:
        ours.receive(560)
        ours.turn()
        in_lanes = depth(broker.client, KEYS, QUEUE)
        assert in_lanes > 400
        assert unsort(broker.client, KEYS, QUEUE) == in_lanes
    assert broker.queued() == 2000
    assert not broker.client.exists(RING)
    with link(broker.url, credit=10, stock=True) as stock:
        stock.receive(10)


def test_the_last_to_stop_in_order_leaves_no_lanes(broker: Broker) -> None:
    publish(broker, "a", 1000)
    publish(broker, "b", 1000)
    with link(broker.url, credit=50, lease=4.0) as one:
        one.receive(40)
        with link(broker.url, credit=50, lease=4.0) as two:
            two.receive(40)
            two.until(lambda: broker.client.zcard("nd:takers") == 2, "both are known")
        assert broker.client.exists(RING), "somebody still serves them"
    assert broker.client.keys(f"{QUEUE}*") == [QUEUE.encode()]
    assert broker.queued() == 2000


def test_the_shipped_worker_role_may_sort_count_and_unsort(broker: Broker) -> None:
    publish(broker, "a", 700)
    publish(broker, "b", 700)
    with link(worker_user(broker, shipped_rules("worker")), credit=100) as ours:
        ours.receive(93)
        declared = ours.connection.channel().queue_declare(QUEUE, passive=True)
        assert declared.message_count == 1400 - broker.held()
        assert broker.client.exists(RING)
    assert broker.queued() == 1400


def test_a_ring_without_lanes_and_lanes_without_a_ring_do_no_harm(broker: Broker) -> None:
    publish(broker, "a", 600)
    publish(broker, "b", 600)
    with link(broker.url, credit=10) as ours:
        serve(ours, 20)
        broker.client.delete(KEYS.lane(QUEUE, "a"))
        broker.client.set(KEYS.lane(QUEUE, "c"), "of another kind")
        publish(broker, "c", 5)
        broker.client.delete(RING)
        publish(broker, "b", 600)
        served = Counter(serve(ours, 1150))
    assert served["b"] >= 1150 - 10
    assert served["c"] == 5


def test_a_server_without_memory_is_still_relieved_of_a_long_queue(broker: Broker) -> None:
    publish(broker, "a", 2000)
    broker.client.config_set("maxmemory", "1mb")
    with link(broker.url, credit=50) as ours:
        assert len(serve(ours, 2000)) == 2000


FINDER = (files(scripts) / "lanes.lua").read_text() + "return organization_of(ARGV[1])"

names = st.text("abcXYZ019._-", min_size=1, max_size=64)
texts = st.text(max_size=40)
spaces = st.sampled_from(["", " ", "  ", "\n", "\t \r\n"])


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    org=names, before=st.dictionaries(texts, texts), after=texts, gaps=st.tuples(spaces, spaces),
    ascii_only=st.booleans(), encoded=st.booleans(), escapes_slashes=st.booleans(),
)  # fmt: skip
def test_the_scripts_find_the_organization_that_a_parser_finds(
    broker: Broker,
    org: str,
    before: dict[str, str],
    after: str,
    gaps: tuple[str, str],
    *,
    ascii_only: bool,
    encoded: bool,
    escapes_slashes: bool,
) -> None:
    before.pop("org_id", None)
    head = json.dumps(before, ensure_ascii=ascii_only)[:-1] + (", " if before else "")
    tail = json.dumps({"after": after}, ensure_ascii=ascii_only)[1:]
    body = f'[[{head}"org_id"{gaps[0]}:{gaps[1]}"{org}", {tail}], {{}}, {{}}]'
    body = body.encode("utf-8", "replace").decode()
    assert lane_of(json.loads(body)) == org
    raw = message(body, encoded=encoded)
    if escapes_slashes:
        raw = raw.replace("/", "\\/")
    if not encoded and any(space in "\n\t\r" for gap in gaps for space in gap):
        return  # JSON in JSON escapes them; such a body goes to the lane without a name
    assert broker.client.eval(FINDER, 0, raw.encode()) == org.encode()


@pytest.mark.parametrize(
    "raw",
    ["", '"org_id"', "Im9yZ19pZCI", "JvcmdfaWQi", "ib3JnX2lkI", "Im9yZ19pZCI6!!!!", "\xff" * 50],
)
def test_what_cannot_be_read_has_the_lane_without_a_name(broker: Broker, raw: str) -> None:
    assert broker.client.eval(FINDER, 0, raw.encode("latin-1")) == b""


@pytest.mark.parametrize(
    "text", ['"org_id": "evil"', 'x", "org_id": "evil", "', '\\"org_id\\": \\"evil\\"']
)
def test_no_text_of_a_user_is_taken_for_the_organization(broker: Broker, text: str) -> None:
    for shift in ("", "x", "xx"):
        body = json.dumps([[{"user": {"display_name": shift + text}, "org_id": "acme"}], {}, {}])
        for encoded in (True, False):
            found = broker.client.eval(FINDER, 0, message(body, encoded=encoded))
            assert found == b"acme"
