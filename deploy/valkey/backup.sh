#!/bin/sh
# Writes a copy of everything Valkey keeps, as a tar.gz, to standard output; the server goes on working.
#
#   docker compose exec -T valkey sh /etc/valkey/backup.sh >backup.tar.gz
#
# It copies the append-only files while no rewrite moves them. What is written meanwhile may be torn at the end, as
# after a power loss: a server that starts with the copy cuts that off by itself. It holds addresses of people whose
# mails were on their way: keep it like the server itself.
set -eu

port=${VALKEY_PORT:-6379}
data=${VALKEY_DATA:-/data}
export REDISCLI_AUTH="$VALKEY_ADMIN_PASSWORD"

ask() {
    answer=$(valkey-cli ${VALKEY_SOCKET:+-s "$VALKEY_SOCKET"} -p "$port" --user admin "$@")
    case $answer in
        *ERR* | *NOAUTH* | *WRONGPASS* | *NOPERM*) echo "backup: $1: $answer" >&2 && exit 1 ;;
    esac
    printf '%s\n' "$answer"
}

before=$(ask config get auto-aof-rewrite-percentage | tail -n 1)
trap 'ask config set auto-aof-rewrite-percentage "$before" >&2' EXIT
trap 'exit 1' HUP INT TERM
ask config set auto-aof-rewrite-percentage 0 >&2
while ask info persistence | grep -Eq '^aof_rewrite_(in_progress|scheduled):1'; do
    sleep 1
done

# tar ends with 1 when a file grew while it was read, which is what a living server's does.
status=0
tar -C "$data" -czf - appendonlydir || status=$?
[ "$status" -le 1 ] || exit "$status"
