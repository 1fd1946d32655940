"""The composition root of a worker: what an event needs on its way, opened and closed in order."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from dispatcher.adapters.directory.by_connection import ConnectionDirectory
from dispatcher.adapters.monitoring.vitals import Role
from dispatcher.adapters.observers.company import Company
from dispatcher.adapters.observers.tally import TallyObserver
from dispatcher.attendance import attending
from dispatcher.bootstrap import Store, SystemClock, open_store
from dispatcher.connecting import check as check_connections
from dispatcher.dispatch import Dispatcher
from dispatcher.feeds import FeedDesk, Feeds
from dispatcher.looks import Looks
from dispatcher.monitor.member import Member, Part
from dispatcher.policies import Policies
from dispatcher.ports import Observer, Queue
from dispatcher.post import Post
from dispatcher.redrive import Requeue
from dispatcher.senders import Senders
from dispatcher.settings import Settings
from dispatcher.tracing import open_tracer
from dispatcher.triggers import discover
from dispatcher.walk import Walk


@dataclass(frozen=True, slots=True)
class Services:
    """What a worker works with."""

    dispatcher: Dispatcher
    policies: Policies
    senders: Senders
    looks: Looks
    requeue: Requeue
    feeds: Feeds
    observer: Observer
    ready: Callable[[], Awaitable[None]]
    switches: frozenset[str]


@asynccontextmanager
async def open_services(
    settings: Settings, url: str, queue: Queue, member: Member | None = None
) -> AsyncIterator[Services]:
    """Open all that a worker needs, and close it in the end, in order.

    Args:
        settings: The settings.
        url: Where the store is.
        queue: Takes what is due again.
        member: The process that works with it; by default one that shows itself to nobody.

    Raises:
        ConfigError: The settings cannot work; the text names every mistake.
        StoreUnavailable: The store does not answer.
    """
    check_connections(settings)
    post, triggers = Post.of(settings), discover()
    member = member or Member(Part("worker", Role.WORKER), log_rate=settings.log_rate)
    tally, clock = TallyObserver(), SystemClock()
    observer = Company(member.observer, tally)
    async with AsyncExitStack() as closing:
        store = await closing.enter_async_context(open_store(settings, url, observer))
        if settings.default_password_change is not None:
            await store.policies.seed_default({"passwordChange": settings.default_password_change})
        store.ledger.start()
        closing.push_async_callback(store.ledger.close)
        routes = post.routes(lambda change: observer.relay_changed(change.relay, change.reason))
        closing.push_async_callback(routes.close)
        names = [address.name for address in post.addresses]
        member.watch(names, routes.states, lambda: store.ledger.in_flight)
        attendance = attending(
            *(store.workforce, tally, clock, observer),
            concurrency=settings.concurrency,
            in_flight=lambda: store.ledger.in_flight,
            relays=routes.states,
        )
        await closing.enter_async_context(attendance)
        directory = ConnectionDirectory(store.connections.store, observer.waiting)
        closing.push_async_callback(directory.close)
        walk = Walk(
            policies=store.policies.store,
            directory=directory,
            correspondence=store.correspondence,
            renderer=post.renderer(store.secret, clock),
            transport=routes,
            clock=clock,
            triggers=triggers,
            secret=store.secret,
            max_age=settings.max_age,
            folds=store.ledger,
            fold_window=settings.fold_window,
            tracer=closing.enter_context(open_tracer(settings)),
        )
        dispatcher = Dispatcher(store.ledger, walk, clock, observer, store.suppressions)
        requeue = Requeue(store.ledger, queue, observer, routes.is_away)
        yield Services(
            dispatcher,
            store.policies,
            store.senders,
            store.looks,
            requeue,
            Feeds(store.connections, _feed_desk(settings, url, queue, store, observer), observer),
            observer,
            store.ledger.ping,
            triggers.switches,
        )


def _feed_desk(
    settings: Settings, url: str, queue: Queue, store: Store, observer: Observer
) -> Callable[[], AbstractAsyncContextManager[FeedDesk]]:
    def opened() -> AbstractAsyncContextManager[FeedDesk]:
        # Workers whose events all come by themselves are spared its memory.
        from dispatcher.bootstrap_feeds import open_feed_desk  # noqa: PLC0415

        return open_feed_desk(
            settings, url, queue, connections=store.connections, observer=observer
        )

    return opened
