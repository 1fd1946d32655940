"""A worker whose consumer hangs from one SIGUSR2 to the next, while all else of it goes on."""

import signal
import time

_heard = [0]


def _hang(_number: int, _frame: object) -> None:
    _heard[0] += 1
    while _heard[0] % 2:  # the next one is heard meanwhile
        time.sleep(0.05)


if __name__ == "__main__":
    from dispatcher.worker import main

    signal.signal(signal.SIGUSR2, _hang)
    main()
