#!/bin/sh
# Gives each user of users.acl its password, then becomes the server.
#
# users.acl holds what each role may do and leaves every role switched off. A role is switched on
# only here, and only when its password is in VALKEY_<ROLE>_PASSWORD: a forgotten secret is a closed
# door. The server gets hashes, so no password is in a file or in the process list.
set -eu

here=$(dirname "$0")
acl_file=${VALKEY_ACL_FILE:-/run/valkey/users.acl}

password_of() {
    case $1 in
        admin) printf '%s' "${VALKEY_ADMIN_PASSWORD:-}" ;;
        worker) printf '%s' "${VALKEY_WORKER_PASSWORD:-}" ;;
        api) printf '%s' "${VALKEY_API_PASSWORD:-}" ;;
        producer) printf '%s' "${VALKEY_PRODUCER_PASSWORD:-}" ;;
        monitor) printf '%s' "${VALKEY_MONITOR_PASSWORD:-}" ;;
    esac
}

umask 077
while read -r line; do
    role=${line#user }
    role=${role%% *}
    password=$(password_of "$role")
    if [ -z "$password" ]; then
        printf '%s\n' "$line"
        continue
    fi
    case $password in
        dev-only-*) echo "valkey: $role uses the development password, see deploy/env.example" >&2 ;;
    esac
    hash=$(printf '%s' "$password" | sha256sum)
    printf '%s on #%s\n' "$line" "${hash%% *}"
done <"$here/users.acl" >"$acl_file"

unset VALKEY_ADMIN_PASSWORD VALKEY_WORKER_PASSWORD VALKEY_API_PASSWORD VALKEY_PRODUCER_PASSWORD \
    VALKEY_MONITOR_PASSWORD
exec valkey-server "$here/valkey.conf" --aclfile "$acl_file" "$@"
