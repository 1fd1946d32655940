"""Run as a program: become another program that dies with the one that started us.

``python -I -S child_start.py PARENT SIGNAL PROGRAM [ARGUMENT …]``

The request to the kernel has to be made between fork and exec. Python code there
(``preexec_fn``) can dead-lock a parent that has threads, so a fresh interpreter
makes it, and then turns into the program: same process, nothing in between.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
"""From ``linux/prctl.h``; the setting survives exec."""


def main(arguments: list[str]) -> None:
    """Ask for ``SIGNAL`` at the death of process ``PARENT``, then exec ``PROGRAM``."""
    parent, death_signal, *program = arguments
    # Elsewhere than on Linux there is no such call, and an orphan is possible.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit("the parent died before its child began")
    try:
        os.execvp(program[0], program)  # noqa: S606 - no shell is what we want
    except OSError as error:
        print(f"cannot run {program[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - a program
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
