"""A worker's services over a real, empty Valkey, without its broker."""

from collections.abc import Sequence

from dispatcher.ports import Parcel


class NoQueue:
    """A queue that nothing is to be put on."""

    async def publish(self, parcels: Sequence[Parcel]) -> None:
        raise AssertionError(parcels)
