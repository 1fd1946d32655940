"""A process's place among its fellows: where they ask it, and where it answers for them all."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from dispatcher.adapters.monitoring.crew import FIGURES, VITALS, Crew
from dispatcher.adapters.monitoring.lookout import Lookout
from dispatcher.adapters.monitoring.plain_http import PlainServer, Reply
from dispatcher.adapters.standalone.listening import Address
from dispatcher.adapters.standalone.run_folder import RunFolder, Seat, run_folder
from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.soundings import Soundings
from dispatcher.adapters.store.valkey_tokens import ValkeyTokenStore
from dispatcher.errors import ConfigError
from dispatcher.monitor.bulletin import Bulletin
from dispatcher.monitor.member import Member
from dispatcher.ports import Clock
from dispatcher.settings import Settings
from dispatcher.tokens import Tokens

_log: Final = structlog.get_logger("dispatcher")

_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Station:
    """A process that others can ask.

    Args:
        member: It.
        bulletin: What it could tell on behalf of all.
        lookout: Where it would do so; None where nobody is to.
    """

    member: Member
    bulletin: Bulletin
    lookout: Lookout | None


@asynccontextmanager
async def open_station(
    settings: Settings, url: str, member: Member, clock: Clock
) -> AsyncIterator[Station]:
    """Let the others ask this process, for as long as the context is open.

    Nothing needs to be there for it: neither the store nor, where processes cannot meet, a folder.

    Args:
        settings: The settings.
        url: Where the store is.
        member: The process.
        clock: Tells the time.

    Raises:
        ConfigError: The store's URL, or the metrics' address, is none.
    """
    folder, client = run_folder(settings.data_dir), connect(url)
    async with AsyncExitStack() as closing:
        closing.push_async_callback(client.aclose)
        seat = await closing.enter_async_context(_seated(folder, member))
        prefix = settings.store_prefix
        tokens = Tokens(ValkeyTokenStore(client, prefix=prefix), clock)
        soundings = Soundings(client, prefix=prefix)
        bulletin = Bulletin(member, Crew(partial(_others, folder, seat)), soundings, tokens, clock)
        yield Station(member, bulletin, _lookout(settings.metrics_bind, bulletin, member))


@asynccontextmanager
async def _seated(folder: RunFolder, member: Member) -> AsyncIterator[Seat | None]:
    async def vitals(_accept: str) -> Reply:
        return Reply(member.vitals().to_json(), _JSON)

    async def figures(accept: str) -> Reply:
        return Reply(member.figures(accept))

    async with AsyncExitStack() as closing:
        try:
            seat = closing.enter_context(folder.seat(member.name))
            server = await PlainServer({VITALS: vitals, FIGURES: figures}).listen_on(seat.socket)
        except (ConfigError, OSError) as error:
            _log.warning("this process shows itself to no other", detail=str(error))
            yield None
        else:
            closing.callback(server.close)
            member.name = seat.name
            yield seat


def _others(folder: RunFolder, seat: Seat | None) -> Sequence[Path]:
    return [path for path in folder.sockets() if seat is None or path != seat.socket]


def _lookout(bind: str, bulletin: Bulletin, member: Member) -> Lookout | None:
    if not bind:
        return None
    place = Address.parse(bind)
    answers = {"/metrics": bulletin.metrics, "/healthz": bulletin.alive, "/readyz": bulletin.ready}
    lookout = Lookout(place.host, place.port, PlainServer(answers), bulletin.is_told)
    member.answers_at = lambda: tuple(lookout.addresses)
    return lookout
