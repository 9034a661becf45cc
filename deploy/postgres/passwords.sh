#!/bin/sh
# Give ingest_owner, ingest_listener and ingest_app their passwords, after roles.sql. By hand, with all three in the environment:
#
#   deploy/postgres/passwords.sh "$ADMIN_URL"
#
# psql's \password hashes them here, so that none is in a statement: the server, its log and pg_stat_statements see a SCRAM verifier.
# docker-compose.yml has Postgres run it when the database is made; the environment says there where it is.
set -eu

# psql asks for passwords on the terminal. Without one, which is what setsid is for, it reads them from its input.
away=$(command -v setsid || true)
export PGOPTIONS="${PGOPTIONS:-} -c password_encryption=scram-sha-256"

give() { # ROLE PASSWORD ARGUMENTS-OF-PSQL…
    role=$1 password=$2
    shift 2
    printf '%s\n%s\n' "$password" "$password" \
        | ${away:+"$away" --wait} psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --command="\\password $role" "$@"
}

[ $# -gt 0 ] || set -- --username="${POSTGRES_USER:?}" --dbname="${POSTGRES_DB:?}"
give ingest_owner "${INGEST_OWNER_PASSWORD:?}" "$@"
give ingest_listener "${INGEST_LISTENER_PASSWORD:?}" "$@"
give ingest_app "${INGEST_APP_PASSWORD:?}" "$@"
