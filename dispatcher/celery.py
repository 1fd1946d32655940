"""The Celery app: ``celery -A dispatcher worker|inspect|flower`` find it here.

The one module that talks to Celery: it names the queues, receives the tasks,
and hands each to a service on this process's event loop.
"""

import os
from collections.abc import Mapping
from time import sleep
from typing import Any, Final

import structlog
from celery import Celery, Task, bootsteps, signals
from celery.worker import state
from kombu.entity import Exchange, Queue

from dispatcher import bootstrap, updates
from dispatcher.adapters.broker import transport
from dispatcher.adapters.broker.canary import Beat, Canary
from dispatcher.adapters.broker.loop import current_loop_thread
from dispatcher.adapters.broker.queue import CeleryQueue
from dispatcher.adapters.observers.logs import configure_logs
from dispatcher.bootstrap import SystemClock
from dispatcher.bootstrap_worker import Services, open_services
from dispatcher.canary import part_of, take_in
from dispatcher.delivery import Outcome
from dispatcher.errors import (
    ConfigError,
    MalformedEvent,
    StoreUnavailable,
)
from dispatcher.monitor.member import Member
from dispatcher.monitor.station import open_station
from dispatcher.runtime import PerProcess, Runtime
from dispatcher.settings import Settings, load_settings
from dispatcher.sources import native

PASSWORD_CHANGED: Final = "dispatcher.password_changed"  # noqa: S105 - a task's name
EVENT: Final = "dispatcher.event"
UPDATE_POLICY: Final = "dispatcher.update_notification_policy"
UPDATE_SENDER: Final = "dispatcher.update_sender"
UPDATE_BRANDING: Final = "dispatcher.update_branding"
UPDATE_TEXTS: Final = "dispatcher.update_texts"
CANARY: Final = "dispatcher.canary"
_UPDATES: Final = (UPDATE_POLICY, UPDATE_SENDER, UPDATE_BRANDING, UPDATE_TEXTS)

EVENTS_QUEUE: Final = "notifications"
POLICIES_QUEUE: Final = "policies"

_POOLS: Final = {"strands": "dispatcher.adapters.broker.pool:TaskPool"}
"""Pools of our own; the others have Celery's names."""

_log: Final = structlog.get_logger("dispatcher")

_STORE_PAUSE: Final = 1.0
_RESULT_LIFETIME: Final = 3600.0
_ETA_TASKS: Final = 100
_POLICIES_CREDIT: Final = 8
"""Policy updates that a worker takes even while all its credit for events is in use."""

_CANARY_CREDIT: Final = 1


def configuration() -> dict[str, Any]:
    """Return the app's configuration; Celery asks for it when it first needs it."""
    settings = load_settings()
    places = bootstrap.endpoints(settings)
    transport.install()
    return {
        "broker_url": places.broker_url,
        "broker_transport_options": _transport_options(settings),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "result_backend": places.store_url,
        "result_expires": _RESULT_LIFETIME,
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        "task_queues": _queues(settings),
        "task_default_queue": EVENTS_QUEUE,
        "task_routes": {task: {"queue": POLICIES_QUEUE} for task in _UPDATES},
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_pool": _POOLS.get(settings.worker_pool, settings.worker_pool),
        "worker_consumer": "dispatcher.adapters.broker.consumer:Consumer",
        "worker_concurrency": settings.concurrency,
        "worker_spare_slots": _CANARY_CREDIT,
        "worker_drain_timeout": settings.stop_grace,
        "worker_prefetch_multiplier": 1,
        "worker_eta_task_limit": _ETA_TASKS,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
    }


def _transport_options(settings: Settings) -> Mapping[str, Any]:
    if settings.uses_rabbitmq:
        return {"confirm_publish": True}
    return {
        "task_names": [EVENT, PASSWORD_CHANGED, CANARY, *_UPDATES],
        "reserved_credit": {POLICIES_QUEUE: _POLICIES_CREDIT},
        "master_name": settings.sentinel_master,
    }


def _queues(settings: Settings) -> list[Queue]:
    kind = {"x-queue-type": "quorum"} if settings.uses_rabbitmq else None
    return [
        Queue(name, Exchange(name), routing_key=name, queue_arguments=kind)
        for name in (POLICIES_QUEUE, EVENTS_QUEUE)
    ]


app = Celery("dispatcher")
app.add_defaults(configuration)

_beat: Final = Beat()
_canary: Final = Canary(app, CANARY, _beat)


def _new_runtime() -> Runtime:
    settings = load_settings()
    url = bootstrap.endpoints(settings).store_url
    queue = CeleryQueue(app, task=PASSWORD_CHANGED, queue=EVENTS_QUEUE)
    return Runtime(
        current_loop_thread(),
        lambda: open_station(
            settings, url, Member(part_of(app, _canary), log_rate=settings.log_rate), SystemClock()
        ),
        lambda member: open_services(settings, url, queue, member),
    )


runtimes: Final = PerProcess(_new_runtime)


@app.task(name=EVENT, bind=True, ignore_result=True)
def event(task: Task, *args: object, **kwargs: object) -> None:
    """Tell a user what happened, if the organization wants it; the event's type says what."""
    _take(task, args, kwargs)


@app.task(name=PASSWORD_CHANGED, bind=True, ignore_result=True)
def password_changed(task: Task, *args: object, **kwargs: object) -> None:
    """Do the same; the name says what an event is that does not say its type."""
    _take(task, args, kwargs)


def _take(task: Task, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
    raw = args[0] if len(args) == 1 and not kwargs else None
    request = task.request
    receipt, trace = request.id, getattr(request, "traceparent", None)
    runtimes.get().run(lambda services: _receive(services, raw, receipt=receipt, trace=trace))


@app.task(name=UPDATE_POLICY)
def update_notification_policy(*args: object, **kwargs: object) -> dict[str, Any]:
    """Set an organization's policy; return the API's body of success or of failure."""
    return runtimes.get().run(lambda services: updates.update_policy(services, (args, kwargs)))


@app.task(name=UPDATE_SENDER)
def update_sender(*args: object, **kwargs: object) -> dict[str, Any]:
    """Set how an organization's mails leave; return a body of success or of failure."""
    return runtimes.get().run(lambda services: updates.update_sender(services, (args, kwargs)))


@app.task(name=UPDATE_BRANDING)
def update_branding(*args: object, **kwargs: object) -> dict[str, Any]:
    """Set what an organization's mails look like; return a body of success or of failure."""
    return runtimes.get().run(lambda services: updates.update_branding(services, (args, kwargs)))


@app.task(name=UPDATE_TEXTS)
def update_texts(*args: object, **kwargs: object) -> dict[str, Any]:
    """Set what an organization's mails say; return a body of success or of failure."""
    return runtimes.get().run(lambda services: updates.update_texts(services, (args, kwargs)))


@app.task(name=CANARY, ignore_result=True, send_events=False)
def canary(sent_at: float) -> None:
    """Take in a canary: that it is here shows that this process consumes."""
    runtimes.get().run(lambda services: take_in(services, _beat, sent_at))


async def _receive(services: Services, raw: object, *, receipt: str, trace: str | None) -> Outcome:
    try:
        event = native.parse(raw)
    except MalformedEvent as error:
        kept = native.evidence(raw)
        return await services.dispatcher.reject(
            kept.known,
            org_id=kept.org_id,
            event_id=kept.event_id,
            receipt=receipt,
            detail=str(error),
        )
    return await services.dispatcher.dispatch(event.within(trace), receipt=receipt)


class Background(bootsteps.StartStopStep):  # type: ignore[misc] # Celery ships no types
    """Opens the services before the first event: wrong settings stop a worker at once."""

    requires = ("celery.worker.components:Pool",)

    def start(self, parent: Any) -> None:  # noqa: ANN401 - Celery's worker
        """Open the services, waiting for the store, and move due deliveries from now on."""
        del parent
        while not self._opens():
            sleep(_STORE_PAUSE)
            state.maybe_shutdown()
        _canary.start()

    def _opens(self) -> bool:
        runtime = runtimes.get()
        try:
            runtime.show()
            runtime.start()
        except StoreUnavailable as error:
            _log.error("waiting", for_="store", detail=str(error))
            return False
        except ConfigError as error:
            for mistake in str(error).splitlines():
                _log.critical("wrong settings", mistake=mistake)
            raise SystemExit(os.EX_CONFIG) from None
        return True

    def stop(self, parent: Any) -> None:  # noqa: ANN401 - Celery's worker
        """Move no more due deliveries; the pool drains what is in flight."""
        del parent
        _canary.stop()
        runtimes.get().stop_background()


app.steps["worker"].add(Background)


@signals.celeryd_after_setup.connect
def _listen_for_canaries(sender: str, conf: Any, **_: object) -> None:  # noqa: ANN401 - Celery's
    on_rabbitmq = load_settings().uses_rabbitmq
    queue = _canary.consume(sender, classic=on_rabbitmq)
    if not on_rabbitmq:
        conf.broker_transport_options["reserved_credit"][queue] = _CANARY_CREDIT


@signals.setup_logging.connect
def _configure_logs(**_: object) -> None:
    settings = load_settings()
    configure_logs(level=settings.log_level, style=settings.log_format)
