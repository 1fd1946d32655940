"""``python -m dispatcher`` is the command line."""

from dispatcher.cli import main

main()
