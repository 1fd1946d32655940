"""Every internal of kombu, Celery and redis-py that the broker adapter leans on, and why.

kombu and Celery are pinned to a minor version. When one of these fails after an upgrade, read the
sentence in its name: it says what to look at in `dispatcher/adapters/broker/`.
"""

import inspect
from typing import Any

import hiredis
import kombu
import pytest
import redis.connection
import redis.utils
from celery import Celery
from celery.app import trace
from celery.app.task import Context
from celery.bin.worker import WorkersPool
from celery.concurrency.base import BasePool
from celery.events import EventDispatcher
from celery.utils.threads import get_ident
from celery.worker import consumer, control, request, state, strategy
from greenlet import getcurrent
from kombu import asynchronous, transport
from kombu.transport import redis as stock
from kombu.transport import virtual


def source(thing: Any) -> str:
    return inspect.getsource(thing)


def test_kombu_is_the_minor_version_that_was_read() -> None:
    assert kombu.__version__.startswith("5.7.")


def test_transport_names_resolve_through_a_table_and_a_cache_that_install_replaces() -> None:
    assert {"redis", "rediss", "sentinel"} <= set(transport.TRANSPORT_ALIASES)
    assert isinstance(transport._transport_cache, dict)


POLLER_METHODS = (
    "_register",
    "_client_registered",
    "_register_BRPOP",
    "_register_LISTEN",
    "on_poll_init",
    "on_poll_start",
    "on_readable",
    "handle_event",
    "maybe_restore_messages",
    "maybe_check_subclient_health",
    "maybe_check_brpop_health",
    "maybe_reauth",
    "maybe_refresh_binding_expiry",
    "_discard_paused_connection",
)


@pytest.mark.parametrize("name", POLLER_METHODS)
def test_the_poller_has_the_methods_that_ours_overrides_or_calls(name: str) -> None:
    assert callable(getattr(stock.MultiChannelPoller, name))


def test_the_poller_registers_by_channel_client_and_kind_so_takers_can_be_a_kind() -> None:
    register = source(stock.MultiChannelPoller._register)
    assert "self._fd_to_chan[sock.fileno()] = (channel, type)" in register
    assert "self._chan_to_sock[(channel, client, type)] = sock" in register


def test_channels_are_told_of_disconnects_so_that_acknowledgements_are_owed_again() -> None:
    assert "channel._on_connection_disconnect(self)" in source(stock.Channel._connparams)
    assert "cycle._on_connection_disconnect(connection)" in source(
        stock.Channel._on_connection_disconnect
    )


def test_stock_event_loop_wiring_is_the_one_ours_replaces_in_full() -> None:
    wiring = source(stock.Transport.register_with_event_loop)
    timers = ("_restore_messages", "_subclient_health", "_brpop_health", "_reauth")
    for timer in (*timers, "_binding_expiry"):
        assert f"cycle.{timer}_tref = loop.call_repeatedly(" in wiring
    assert wiring.count("call_repeatedly") == len(timers) + 1, "kombu has a new timer"


def test_in_flight_entries_are_lists_of_message_exchange_and_routing_key() -> None:
    assert "dumps([message._raw, EX, RK])" in source(stock.QoS.append)
    assert "M, EX, RK = loads" in source(stock.QoS.restore_by_tag)
    assert (stock.Channel.unacked_key, stock.Channel.unacked_index_key) == (
        "unacked",
        "unacked_index",
    )


def test_an_empty_exchange_means_the_queue_of_that_name_so_stock_workers_restore_ours() -> None:
    assert "return [routing_key or default]" in source(virtual.Channel._lookup)


def test_priority_lists_are_named_and_ordered_as_we_take_them() -> None:
    assert (stock.Channel.sep, stock.PRIORITY_STEPS) == ("\x06\x16", [0, 3, 6, 9])
    assert "for pri in self.priority_steps" in source(stock.Channel._brpop_start)


def test_bindings_are_sets_of_routing_key_pattern_and_queue() -> None:
    assert stock.Channel.keyprefix_queue == "_kombu.binding.%s"
    assert "[routing_key or '', pattern or '', queue or '']" in source(stock.Channel._queue_bind)


def test_closing_a_channel_cancels_its_consumers_and_restores_through_the_qos() -> None:
    close = source(virtual.Channel.close)
    assert "self.basic_cancel(consumer)" in close
    assert "self._qos.restore_unacked_once()" in close


def test_messages_keep_what_our_constructor_sets_and_ack_through_the_channel() -> None:
    slots = {"_state", "channel", "delivery_tag", "content_type", "content_encoding"}
    slots |= {"delivery_info", "headers", "properties", "body", "_decoded_cache", "accept"}
    assert slots | {"__dict__"} == set(kombu.Message.__slots__)
    assert "self.channel.basic_ack(self.delivery_tag" in source(kombu.Message.ack)


def test_the_hub_wakes_for_calls_of_other_threads_and_calls_on_tick_before_polling() -> None:
    assert "waker.wake()" in source(asynchronous.Hub.call_soon)
    loop = source(asynchronous.Hub.create_loop)
    assert (
        loop.index("_pop_ready()") < loop.index("self.on_tick") < loop.index("poll(poll_timeout)")
    )


def test_the_consumer_calls_the_hooks_that_ours_overrides() -> None:
    start = source(consumer.Consumer.start)
    assert start.index("self.on_connection_error_after_connected(exc)") < start.index(
        "blueprint.restart(self)"
    )
    assert "self.strategies[name] = task.start_strategy" in source(
        consumer.Consumer.update_strategies
    )
    assert "conn.transport.register_with_event_loop" in source(consumer.Consumer.connect)


def test_the_consumer_forgets_requests_that_are_not_active_when_the_connection_breaks() -> None:
    on_close = source(consumer.Consumer.on_close)
    assert "if r not in active_requests:" in on_close
    assert "self.pool.flush()" in on_close


def test_requests_take_decoded_bodies_and_hidden_representations() -> None:
    init = source(request.Request.__init__)
    assert "self.__payload = self._body if self._decoded else message.payload" in init
    assert "self._argsrepr = self._request_dict.get('argsrepr', '')" in init
    assert "if safe" in source(request.Request.info) or "not safe" in source(request.Request.info)


def test_requests_hand_the_pool_the_callbacks_that_jobs_look_up_by_name() -> None:
    execute = source(request.create_request_cls)
    for name in ("accept_callback", "timeout_callback", "callback", "error_callback"):
        assert f"{name}=self." in execute
    assert "obj.terminate(signal)" in source(request.Request.terminate)


def test_the_lean_strategy_does_all_that_celery_s_does_for_messages_without_eta() -> None:
    steps = ("req.revoked()", "signals.task_received.send", "'task-received'")
    for step in (*steps, "task_reserved(req)", "callback(req)", "handle(req)"):
        assert step in source(strategy.default)


def test_requests_may_be_told_by_the_pool_directly_with_what_execute_would_pass() -> None:
    execute = source(request.create_request_cls)
    assert "args=(self.type, task_id, self.request_dict, self.body," in execute
    assert "trace = fast_trace_task if app.use_fast_trace_task else trace_task_ret" in execute
    assert "soft_timeout=soft_time_limit or default_soft_time_limit" in execute
    assert "time_limit, soft_time_limit = self.time_limits" in execute
    assert "self._apply_result = maybe(ref, result)" in execute


def test_success_is_remembered_for_a_check_that_is_off_by_default_so_ours_need_not() -> None:
    assert "successful_requests.add(request.id)" in source(state.task_ready)
    assert "if deduplicate_successful_tasks and redelivered:" in source(trace.build_tracer)
    assert not Celery("x").conf.worker_deduplicate_successful_tasks


def test_contexts_look_for_custom_headers_unless_there_are_headers_already() -> None:
    assert "if self.headers is None:" in source(Context.__init__)


def test_events_of_tasks_are_sent_when_their_group_is_asked_for() -> None:
    send = source(EventDispatcher.send)
    assert "if groups and group not in groups:" in send
    assert "dispatcher.groups.add('task')" in source(control.enable_events)


def test_the_command_line_s_default_pool_gives_way_to_the_configured_one() -> None:
    assert "if value == 'prefork' and worker_pool:" in source(WorkersPool.convert)


def test_reading_without_an_event_loop_starts_with_the_hook_that_ours_overrides() -> None:
    assert "self.on_poll_start()" in source(stock.MultiChannelPoller.get)


def test_worker_state_is_where_the_watchdog_looks() -> None:
    assert state.active_requests is not None
    assert state.reserved_requests is not None


def test_celery_keeps_its_task_stack_by_greenlet() -> None:
    assert get_ident is getcurrent


def test_pools_are_made_by_the_methods_that_ours_defines() -> None:
    for name in ("on_start", "on_stop", "on_terminate", "on_apply", "flush", "terminate_job"):
        assert callable(getattr(BasePool, name))
    assert "self.on_apply(" in source(BasePool.apply_async)


def test_redis_py_speaks_resp3_so_that_the_server_may_speak_first() -> None:
    assert redis.utils.DEFAULT_RESP_VERSION == 3
    assert issubclass(hiredis.PushNotification, list)


def test_redis_py_sends_packed_commands_and_keeps_its_socket_where_we_read_it() -> None:
    send = source(redis.connection.AbstractConnection.send_packed_command)
    assert "self._sock.sendall(item)" in send
    assert "check_health" in send


def test_queues_are_declared_counted_purged_and_deleted_where_ours_add_what_lanes_hold() -> None:
    assert "return queue_declare_ok_t(queue, self._size(queue), 0)" in source(
        virtual.Channel.queue_declare
    )
    assert "passive and not self._has_queue(queue" in source(virtual.Channel.queue_declare)
    assert "return self._purge(queue)" in source(virtual.Channel.queue_purge)
    assert "self._delete(queue, exchange, *meta" in source(virtual.Channel.queue_delete)
