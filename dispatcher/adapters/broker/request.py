"""Celery's request, which never shows its arguments, and the one that runs on our pool."""

from typing import Any, Final
from weakref import ref

from celery.app.trace import fast_trace_task, trace_task_ret
from celery.exceptions import TaskRevokedError
from celery.worker import state
from celery.worker.request import Request as CeleryRequest
from celery.worker.request import create_request_cls

from dispatcher.adapters.broker.job import Call
from dispatcher.adapters.broker.pool import TaskPool

#: What stands for arguments in logs, monitoring events and replies to `inspect`: they hold
#: addresses, and producers write their own representations of them into the headers.
HIDDEN: Final = "(…)"


class Request(CeleryRequest):  # type: ignore[misc]  # celery ships no types
    """A request whose arguments reach the task and nobody else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- Celery's signature
        super().__init__(*args, **kwargs)
        self._argsrepr = self._kwargsrepr = HIDDEN
        fields = self._request_dict
        # The tracer looks here before it makes a representation of its own for the log.
        fields["argsrepr"] = fields["kwargsrepr"] = HIDDEN

    def info(self, safe: bool = False) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 -- Celery's signature
        """Describe the request for `inspect`; there is no unsafe way."""
        described: dict[str, Any] = super().info(safe=True)
        return described

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002, ANN401 -- Celery's signature
        """Send a monitoring event, if anybody may listen to those of tasks."""
        if sends_task_events(self._eventer):
            super().send_event(type, **fields)


def sends_task_events(eventer: Any) -> bool:  # noqa: ANN401 -- celery ships no types
    """Tell whether events about tasks are sent now; `control enable_events` changes it."""
    return bool(eventer and eventer.enabled and (not eventer.groups or "task" in eventer.groups))


def request_class(task: Any, app: Any, consumer: Any) -> type[Request]:  # noqa: ANN401 -- celery ships no types
    """Return the class of one task's requests."""
    pool = consumer.pool
    base: type[Request] = create_request_cls(
        Request, task, pool, consumer.hostname, consumer.event_dispatcher, app=app
    )
    return _on_strands(base, task, app) if isinstance(pool, TaskPool) else base


def _on_strands(base: type[Request], task: Any, app: Any) -> type[Request]:  # noqa: ANN401 -- celery ships no types
    trace = fast_trace_task if app.use_fast_trace_task else trace_task_ret
    hard_limit, soft_limit = task.time_limit, task.soft_time_limit
    remembers = app.conf.worker_deduplicate_successful_tasks
    acks_late = task.acks_late

    class StrandRequest(base):  # type: ignore[misc,valid-type]  # made for each task
        """A request that our pool tells directly what becomes of it."""

        def execute_using_pool(self, pool: TaskPool, **_: Any) -> Any:  # noqa: ANN401 -- Celery's signature
            """Hand the task to the pool.

            Raises:
                celery.exceptions.TaskRevokedError: It was revoked.
            """
            if self.revoked():
                raise TaskRevokedError(self.id)
            hard, soft = self.time_limits
            fields, body = self._request_dict, self._body
            call: Call = (
                trace,
                (self._type, self.id, fields, body, self.content_type, self.content_encoding),
                {},
            )
            job = pool.submit(call, self, soft or soft_limit, hard or hard_limit)
            self._apply_result = ref(job)
            return job

        def on_success(self, failed__retval__runtime: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- Celery's signature
            """Settle; Celery's own remembers ids for a check that is off by default."""
            failed, retval, runtime = failed__retval__runtime
            if failed or remembers:
                return super().on_success(failed__retval__runtime, **kwargs)
            state.task_ready(self)
            if acks_late:
                self.acknowledge()
            self.send_event("task-succeeded", result=retval, runtime=runtime)
            return None

    return StrandRequest
