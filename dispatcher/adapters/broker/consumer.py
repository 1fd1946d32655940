"""Celery's consumer, where a bad message ends no worker and a lost connection repeats no task."""

import logging
from collections.abc import Callable
from typing import Any, Final

from celery.worker import state
from celery.worker.consumer import Consumer as CeleryConsumer

from dispatcher.adapters.broker.canary import leave_out_forbidden
from dispatcher.adapters.broker.message import Message
from dispatcher.adapters.broker.qos import QoS
from dispatcher.adapters.broker.rabbit_quarantine import put_aside
from dispatcher.adapters.broker.strategy import strategy
from dispatcher.adapters.broker.transport import Transport

_log: Final = logging.getLogger(__name__)

_CELERY_STRATEGY: Final = "celery.worker.strategy:default"
_CELERY_REQUEST: Final = "celery.worker.request:Request"
_OUR_REQUEST: Final = "dispatcher.adapters.broker.request:Request"


class Consumer(CeleryConsumer):  # type: ignore[misc]  # celery ships no types
    """The consumer to name in `worker_consumer`."""

    class Blueprint(CeleryConsumer.Blueprint):  # type: ignore[misc]  # celery ships no types
        """Celery's steps and the watchdog."""

        default_steps: Final = (
            *CeleryConsumer.Blueprint.default_steps,
            "dispatcher.adapters.broker.watchdog:Watchdog",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- Celery's signature
        self._carried: QoS | None = None
        super().__init__(*args, **kwargs)

    def connect(self) -> Any:  # noqa: ANN401 -- Celery's signature
        """Connect; what was running when the last connection broke stays ours."""
        connection = super().connect()
        leave_out_forbidden(self.app, connection)
        if isinstance(connection.transport, Transport):
            # What is still running counts against the credit already: no need to lower it.
            self.app.conf.worker_enable_prefetch_count_reduction = False
            if self._carried is not None:
                connection.default_channel.inherit(self._carried)
                self._carried = None
        return connection

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Keep what runs, give back what was not started, then let Celery reconnect."""
        transport = getattr(self.connection, "_transport", None)
        if isinstance(transport, Transport):
            running = {request.message.delivery_tag for request in state.active_requests}
            self._carried = transport.abandon(running) or self._carried
        super().on_connection_error_after_connected(exc)

    def update_strategies(self) -> None:
        """Give every task that has no strategy of its own the lean one."""
        for task in self.app.tasks.values():
            if task.Request == _CELERY_REQUEST:
                task.Request = _OUR_REQUEST
        super().update_strategies()
        for name, task in self.app.tasks.items():
            if task.Strategy == _CELERY_STRATEGY:
                self.strategies[name] = strategy(task, self.app, self)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:  # noqa: ANN401 -- Celery's signature
        """Return what receives messages; it puts aside what no request can be made of."""
        receive_foreign = super().create_task_handler(*args, **kwargs)
        strategies, callbacks = self.strategies, self.on_task_message

        def receive(message: Any) -> None:  # noqa: ANN401 -- kombu ships no types
            try:
                if type(message) is not Message:
                    receive_foreign(message)
                    return
                execute = strategies.get(message.envelope.task)
                if execute is None:
                    message.quarantine("unknown_task")
                    return
                execute(message, None, message.ack_log_error, message.reject_log_error, callbacks)
            except self.connection_errors as error:
                # kombu counts KeyError among Redis's, which a strange message may cause.
                if not isinstance(error, KeyError):
                    raise
                self._put_aside(message, error)
            except self.channel_errors:
                raise
            except Exception as error:  # noqa: BLE001 -- no message may end the worker
                self._put_aside(message, error)

        return receive

    def on_unknown_message(self, body: Any, message: Any) -> None:  # noqa: ANN401, ARG002 -- Celery's signature
        """Refuse what is no task message; Celery would log its body."""
        self._refuse(message, "no_task")

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:  # noqa: ANN401, ARG002 -- Celery's signature
        """Refuse a task we do not have; Celery would log its body."""
        self._refuse(message, "unknown_task")

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:  # noqa: ANN401, ARG002 -- Celery's signature
        """Refuse a malformed task message; Celery would log its body."""
        self._refuse(message, "bad_headers")

    def on_decode_error(self, message: Any, exc: Exception) -> None:  # noqa: ANN401, ARG002 -- Celery's signature
        """Refuse what cannot be decoded; Celery would log its body and acknowledge it."""
        self._refuse(message, "bad_body")

    def _put_aside(self, message: Any, error: Exception) -> None:  # noqa: ANN401 -- kombu ships no types
        _log.error("No request could be made of a message: %s.", type(error).__name__)
        if not message.acknowledged:
            self._refuse(message, "bad_headers")

    def _refuse(self, message: Any, reason: str) -> None:  # noqa: ANN401 -- kombu ships no types
        _log.error("Refused a message: %s.", reason)
        if isinstance(message, Message):
            message.quarantine(reason)
        elif not self._keep(message, reason):
            # RabbitMQ keeps rejected messages when the queue has a dead-letter exchange.
            message.reject_log_error(_log, self.connection_errors)

    def _keep(self, message: Any, reason: str) -> bool:  # noqa: ANN401 -- kombu ships no types
        try:
            with self.app.producer_or_acquire() as producer:
                put_aside(producer, message, reason)
        except self.connection_errors:
            message.reject_log_error(_log, self.connection_errors, requeue=True)
        except Exception as error:  # noqa: BLE001 -- full or forbidden: no message may end us
            _log.error("It could not be kept: %s.", type(error).__name__)
            return False
        return True
