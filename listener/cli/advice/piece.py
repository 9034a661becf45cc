"""A piece of advice, and how a setting is written so that it can be pasted where it belongs."""

from __future__ import annotations

from dataclasses import dataclass

from listener.client.server_state import ServerState

PROVIDERS = {
    "rds": "in the DB parameter group (RDS, Aurora)",
    "cloudsql": "as a database flag (Cloud SQL)",
    "azure": "as a server parameter (Azure)",
    "neon": "in the project's settings (Neon)",
    "supautils": "supabase --experimental postgres-config update --config",
}
KB, MB, GB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True)
class Advice:
    """What was seen, what to set, and why; ``severity`` is problem, warning or advice."""

    code: str
    severity: str
    seen: str
    set: str
    why: str


@dataclass(frozen=True, slots=True)
class Setter:
    """Writes what to set, for this server."""

    state: ServerState
    schema: str

    def server(self, name: str, value: str) -> str:
        """Return how a setting of the server is set: a statement, or where its provider has it."""
        restart = name in self.state.settings and self.state.settings[name].restart
        after = "-- then restart" if restart else "select pg_reload_conf();"
        if provider := self.state.capacity.provider:
            where = next((text for key, text in PROVIDERS.items() if key in provider.split(",")), "at the provider")
            return f"{where}: {name} = {value}" + (", then restart" if restart else "")
        who = "" if self.state.capacity.may_alter else "-- as a superuser: "
        return f"{who}alter system set {name} = '{value}'; {after}"

    def table(self, name: str, options: str) -> str:
        """Return how an option of a table is set."""
        return f"alter table {self.named(name)} set ({options});"

    def named(self, name: str) -> str:
        """Return the name of an object of ours with its schema."""
        return ".".join('"' + part.replace('"', '""') + '"' for part in (self.schema, name))


def shown(count: float) -> str:
    """Return bytes as Postgres writes them in settings."""
    for size, unit in ((GB, "GB"), (MB, "MB"), (KB, "kB")):
        if count >= size:
            return (
                f"{count / size:.0f}{unit}" if count % size == 0 or count >= 10 * size else f"{count / size:.1f} {unit}"
            )
    return f"{count:.0f} B"


def lasting(seconds: float) -> str:
    """Return a duration in words."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def round_up(count: float) -> int:
    """Return the next power of two, for memory that is set."""
    return 1 << max(0, int(count) - 1).bit_length()
