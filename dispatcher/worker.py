"""One worker process as ``dispatcher worker`` starts it: ``python -m dispatcher.worker NAME``.

It is what ``celery -A dispatcher worker`` is, without the 15 MB of Celery's command line.
"""

import sys

from celery.utils.nodenames import default_nodename, host_format

from dispatcher.celery import app


def main() -> None:
    """Work until told to stop."""
    worker = app.Worker(
        hostname=host_format(default_nodename(f"{sys.argv[1]}@%h")),
        quiet=True,
        # Workers of one supervisor share nothing: no need to wait a second for each other's news.
        without_mingle=True,
        without_gossip=True,
    )
    worker.start()
    sys.exit(worker.exitcode)


if __name__ == "__main__":
    main()
