"""What makes one machine enough: an embedded Valkey, an inbox, a keeper of child processes.

Nothing is imported here, so that a worker that only looks for a running Valkey
does not pay for the inbox, nor needs its dependencies.
"""
