"""How a received message becomes a request: Celery's way, less what our messages make needless."""

from collections.abc import Callable
from typing import Any

from celery import signals
from celery.worker import state
from celery.worker.strategy import default as celery_strategy

from dispatcher.adapters.broker.message import Message
from dispatcher.adapters.broker.request import HIDDEN, request_class, sends_task_events

Receive = Callable[..., Any]


def strategy(task: Any, app: Any, consumer: Any) -> Receive:  # noqa: ANN401 -- celery ships no types
    """Return what makes and executes requests of one task.

    Our messages are opened and in protocol 2 already, so nothing is decoded again. What needs
    Celery's timers (ETA, rate limits) and messages of other transports take its own way.
    """
    fallback: Receive = celery_strategy(task, app, consumer)
    eventer = consumer.event_dispatcher
    request_cls = request_class(task, app, consumer)
    constants = {
        "app": app,
        "hostname": consumer.hostname,
        "eventer": eventer,
        "task": task,
        "connection_errors": consumer.connection_errors,
        "decoded": True,
    }
    execute, bucket_of = consumer.on_task_request, consumer.task_buckets.__getitem__
    revoked, received = state.revoked, signals.task_received

    def receive(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any) -> None:  # noqa: ANN401 -- Celery's signature
        if (
            type(message) is not Message
            or message.headers.get("eta") is not None
            or bucket_of(task.name) is not None
        ):
            fallback(message, body, ack, reject, callbacks)
            return
        request = request_cls(
            message,
            on_ack=ack,
            on_reject=reject,
            body=message.envelope.call,
            headers=message.headers,
            **constants,
        )
        if (request.expires or request.id in revoked) and request.revoked():
            return
        if received.receivers:
            received.send(sender=consumer, request=request)
        if sends_task_events(eventer) and task.send_events:
            _send_received(eventer, request)
        state.task_reserved(request)
        for callback in callbacks:
            callback(request)
        execute(request)

    return receive


def _send_received(eventer: Any, request: Any) -> None:  # noqa: ANN401 -- celery ships no types
    eventer.send(
        "task-received",
        uuid=request.id,
        name=request.name,
        args=HIDDEN,
        kwargs=HIDDEN,
        root_id=request.root_id,
        parent_id=request.parent_id,
        retries=request.request_dict.get("retries", 0),
        eta=None,
        expires=request.expires and request.expires.isoformat(),
    )
