"""dramatiq with smtplib: ``dramatiq tests.bench.peers.dramatiq_smtplib``; run it to publish."""

import sys
from typing import Final

import dramatiq  # type: ignore[import-not-found] # lives in the alternatives' own environment
from dramatiq.brokers.redis import (  # type: ignore[import-not-found] # as above
    RedisBroker,
)

from tests.bench.peers import mail

broker: Final = RedisBroker(url=f"unix://{mail.VALKEY}")
dramatiq.set_broker(broker)
send: Final = dramatiq.actor(mail.send)

if __name__ == "__main__":
    for event in mail.events(sys.argv[1]):
        send.send(event)
