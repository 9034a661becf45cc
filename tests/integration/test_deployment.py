"""What is deployed: the files say what the docs promise, the commands in them work, and no role is a superuser.

There is no container engine here. What containers would run is run by hand: the same SQL by psql, the same verbs with
the same environment.
"""

from __future__ import annotations

import asyncio
import base64
import configparser
import hashlib
import hmac
import json
import os
import re
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml  # type: ignore[import-untyped]  # DBOS depends on it; its types would be one more dependency
from ingest_command import Ended, Ingest, Process
from listener_process import ListenerProcess
from pipeline import ended
from staging import session

import listener
from listener import embedded
from listener.cli import app, rights
from listener.settings import Settings

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "ingest-listener@.service"
ROLES = ("ingest_operator", "ingest_app", "ingest_listener", "ingest_owner")
PASSWORDS = {
    "INGEST_OWNER_PASSWORD": "owner's-pass",
    "INGEST_LISTENER_PASSWORD": "listener-pass",
    "INGEST_APP_PASSWORD": "app-pass",
}
VERBS = {command.name for command in app.registered_commands}
GRACE = Settings.model_fields["grace_seconds"].default
PATIENCE_SECONDS = 40.0


def services() -> dict[str, dict[str, Any]]:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def dockerfile(instruction: str) -> list[str]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{instruction} +(.+)$", text, re.MULTILINE)


# the files


def test_the_image_runs_a_listener_as_a_fixed_user_that_is_not_root_and_asks_for_its_health() -> None:
    assert json.loads(dockerfile("ENTRYPOINT")[0]) == ["ingest"]
    assert json.loads(dockerfile("CMD")[0])[0] in VERBS
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", dockerfile("USER")[-1])
    program, verb = json.loads(dockerfile("HEALTHCHECK")[0].partition("CMD ")[2])
    assert program == "ingest"
    assert verb in VERBS


def test_the_image_is_built_from_what_is_there_and_let_into_the_build() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    copied = [path for line in dockerfile("COPY") if "--from" not in line for path in line.split()[:-1]]
    assert copied
    package = Path(listener.__file__).parent  # which CI installs, and hides its source
    assert [path for path in copied if not any((at / path).exists() for at in (ROOT, package.parent, package))] == []
    assert [path for path in copied if not any(fnmatch(path, pattern) for pattern in allowed)] == []


def test_listeners_start_after_one_migration_and_can_be_scaled() -> None:
    listener, migrate, grants = (services()[name] for name in ("listener", "migrate", "grants"))
    assert migrate["command"] == ["migrate"]
    assert migrate["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert grants["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert listener["depends_on"] == {"grants": {"condition": "service_completed_successfully"}}
    assert not {"container_name", "ports", "hostname"} & listener.keys()  # each would make a second one impossible
    assert listener["restart"] == "unless-stopped"
    assert services()["postgres"]["healthcheck"]["test"][1] == "pg_isready"
    assert "--host=127.0.0.1" in services()["postgres"]["healthcheck"]["test"]


def test_a_listener_has_more_time_to_stop_than_it_takes() -> None:
    listener = services()["listener"]
    assert float(listener["environment"]["INGEST_GRACE_SECONDS"]) == GRACE
    assert int(listener["stop_grace_period"].removesuffix("s")) > GRACE
    assert int(unit()["Service"]["TimeoutStopSec"]) > GRACE


def test_a_listener_gets_no_right_that_it_does_not_need() -> None:
    for name, role in (("migrate", "ingest_owner"), ("maintenance", "ingest_owner"), ("listener", "ingest_listener")):
        service = services()[name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert f"//{role}@" in service["environment"]["INGEST_DATABASE_URL"]
    assert all(volume.endswith(":ro") for volume in services()["listener"]["volumes"])
    assert knowing("POSTGRES_PASSWORD") == ["postgres"]
    assert knowing("INGEST_OWNER_PASSWORD") == ["postgres", "migrate", "grants", "maintenance"]
    assert knowing("INGEST_LISTENER_PASSWORD") == ["postgres", "listener"]


def knowing(secret: str) -> list[str]:
    """Return the services that are told a secret."""
    environments = {name: service.get("environment", {}) for name, service in services().items()}
    return [name for name, values in environments.items() if any(f"${{{secret}" in str(v) for v in values.values())]


def test_each_container_and_the_unit_have_limits_of_memory_and_processes_that_a_listener_keeps_within() -> None:
    for name, service in services().items():
        assert service["mem_limit"], name
        assert service["pids_limit"] >= 64, name
    size = re.search(r"(\d+)g", services()["listener"]["mem_limit"])
    unit_size = re.fullmatch(r"(\d+)G", unit()["Service"]["MemoryMax"])
    fields = Settings.model_fields
    needed = 400 + fields["parse_workers"].default * fields["parse_memory_mb"].default
    for found in (size, unit_size):
        assert found
        assert int(found[1]) * 1024 >= needed
    assert int(unit()["Service"]["TasksMax"]) == services()["listener"]["pids_limit"]


def test_examples_that_cross_a_network_verify_the_server() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    urls = re.findall(r"postgresql://\S+@(?!127\.0\.0\.1|localhost)\S+", page)
    assert urls
    assert [url for url in urls if "sslmode=verify-full" not in url] == []


async def test_images_are_pinned_by_the_digests_that_the_registry_gives(tmp_path: Path) -> None:
    digest = f"sha256:{'0a' * 32}"
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\n[ \"$1 $2 $3\" = 'buildx imagetools inspect' ] && echo {digest}\n")
    docker.chmod(0o755)

    async def run() -> tuple[int | None, str]:
        ran = await asyncio.create_subprocess_exec(
            ROOT / "deploy" / "pin-images", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )  # fmt: skip
        out, _ = await ran.communicate()
        return ran.returncode, out.decode()

    status, printed = await run()
    lines = dict(line.split("=", 1) for line in printed.splitlines())
    assert (status, set(lines)) == (0, {"PYTHON_IMAGE", "POSTGRES_IMAGE"})
    assert re.fullmatch(rf"python:3\.\d+-slim@{digest}", lines["PYTHON_IMAGE"])
    assert re.fullmatch(rf"pgvector/pgvector:pg\d+@{digest}", lines["POSTGRES_IMAGE"])
    assert set(dockerfile("FROM")) == {"${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"}
    foreign = {service["image"] for service in services().values()} - {"ingest-listener"}
    assert foreign == {f"${{POSTGRES_IMAGE:-{lines['POSTGRES_IMAGE'].partition('@')[0]}}}"}
    docker.write_text("#!/bin/sh\necho nothing\n")
    assert (await run())[0] == 1


def test_a_key_is_passed_on_only_if_it_is_set_and_no_file_holds_a_secret() -> None:
    environment = services()["listener"]["environment"]
    assert environment["OPENAI_API_KEY"] is None
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"\w*PASSWORD: (.*)", text)) == {
        f"${{{name}:?set it in .env}}" for name in ("POSTGRES_PASSWORD", *PASSWORDS)
    }
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()


def test_each_setting_that_is_deployed_exists() -> None:
    known = {field.alias or f"INGEST_{name.upper()}" for name, field in Settings.model_fields.items()}
    named = {name for service in services().values() for name in service.get("environment", {})}
    assert {name for name in named if name.startswith("INGEST_")} - set(PASSWORDS) <= known


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of options are case-sensitive
    parser.read(UNIT, encoding="utf-8")
    return parser


def test_the_unit_starts_a_listener_that_restarts_after_a_failure_and_owns_nothing() -> None:
    service = unit()["Service"]
    program, verb = service["ExecStart"].split()
    assert program.endswith("/ingest")
    assert verb in VERBS
    assert (service["Type"], service["Restart"], service["DynamicUser"]) == ("notify", "on-failure", "yes")
    assert (service["NoNewPrivileges"], service["ProtectSystem"]) == ("yes", "strict")


def test_the_deployed_grants_are_the_documented_ones() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^<!-- grants: owner -->\n```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    deployed = (ROOT / "deploy" / "postgres" / "grants.sql").read_text(encoding="utf-8")
    assert statements(deployed) == statements("".join(blocks))
    given = {"dbos": "ingest_dbos", "role": "ingest_listener", "owner": "ingest_owner"}
    of_dbos = [statement.format(**given) for statement in rights.OF_DBOS]
    assert statements(deployed)[-len(of_dbos) :] == of_dbos


def test_the_deployed_roles_are_the_documented_ones() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^<!-- grants: superuser -->\n```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    script = (ROOT / "deploy" / "postgres" / "roles.sql").read_text(encoding="utf-8")
    deployed = [statement for statement in statements(script) if "current_user" not in statement]
    documented = statements("".join(blocks))
    assert [without_login(statement) for statement in documented] == list(map(without_login, deployed))[
        : len(documented)
    ]


def statements(sql: str) -> list[str]:
    """Return the statements of a script, without psql's commands, comments and blanks that mean nothing."""
    plain = re.sub(r"--.*|^\\.*", "", sql, flags=re.MULTILINE)
    return [" ".join(statement.split()) for statement in plain.split(";") if statement.strip()]


def without_login(statement: str) -> str:
    return statement.replace(" login", "")


def test_the_manifests_on_the_page_are_yaml_and_run_verbs_that_exist() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    documents = [
        document for block in re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        for document in yaml.safe_load_all(block)
    ]  # fmt: skip
    assert {document["kind"] for document in documents} >= {"Deployment", "Job"}
    assert set(re.findall(r"\[ingest, (\w+)", page)) | set(re.findall(r"args: \[(\w+)", page)) <= VERBS


# what they run


@dataclass(frozen=True)
class Site:
    """A database that was set up by the files of ``deploy/postgres``."""

    owner: str
    listener: str
    app: str


@pytest.fixture
async def site(server: embedded.Server, tmp_path: Path) -> AsyncIterator[Site]:
    name = f"site_{uuid.uuid4().hex}"
    await server.create_database(name)
    admin = server.dsn(name)
    owner, its_listener, application = (as_role(admin, f"ingest_{name}") for name in ("owner", "listener", "app"))
    try:
        await psql(tmp_path, admin, "roles.sql")
        await give_passwords(tmp_path, admin)
        migrated = await Ingest(tmp_path, INGEST_DATABASE_URL=owner, INGEST_SCHEMA="ingest")("migrate")
        assert migrated.status == 0, migrated.err
        await psql(tmp_path, owner, "grants.sql")
        yield Site(owner, its_listener, application)
    finally:
        await server.drop_database(name)
        async with session(server.dsn("postgres")) as superuser:
            await superuser.execute(f"drop role if exists {', '.join(ROLES)}")


async def psql(folder: Path, dsn: str, file: str) -> None:
    script = str(ROOT / "deploy" / "postgres" / file)
    ran = await Ingest(folder, INGEST_DATABASE_URL=dsn, **PASSWORDS)("psql", "-Xqv", "ON_ERROR_STOP=1", "-f", script)
    assert ran.status == 0, ran.err


async def give_passwords(folder: Path, dsn: str) -> None:
    """Run the script as Postgres's image does: without a terminal, and told by the environment where the server is."""
    found = urlsplit(dsn)
    programs = max(embedded.binaries.installed().items())[1] / "bin"
    where = {"PGHOST": parse_qs(found.query)["host"][0], "PGPORT": parse_qs(found.query)["port"][0]}
    images = {"POSTGRES_USER": embedded.server.SUPERUSER, "POSTGRES_DB": found.path[1:]}
    ran = await asyncio.create_subprocess_exec(
        ROOT / "deploy" / "postgres" / "passwords.sh", cwd=folder, stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE, env={"PATH": f"{programs}:{os.environ['PATH']}"} | where | images | PASSWORDS,
    )  # fmt: skip
    _, said = await ran.communicate()
    assert ran.returncode == 0, said


def as_role(dsn: str, role: str) -> str:
    return dsn.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")


@dataclass
class Listening:
    """A listener as a supervisor starts it, that is ready; ``ended`` is set when it has stopped."""

    ingest: Ingest
    process: Process
    executor_id: str
    ended: Ended | None = None


@asynccontextmanager
async def listening(folder: Path, **settings: str) -> AsyncIterator[Listening]:
    ingest = Ingest(folder, INGEST_LOG_FORMAT="json", **settings)
    process = await ingest.start("listen")
    assert process.stderr
    line = b""
    while b"listening on" not in line:
        line = await asyncio.wait_for(process.stderr.readline(), PATIENCE_SECONDS)
        assert line, "the listener ended"
    found = Listening(ingest, process, json.loads(line)["message"].split()[-1])
    try:
        yield found
    finally:
        process.terminate()
        found.ended = await ingest.end(process)


async def test_the_deployed_roles_carry_a_request_from_insert_to_search(site: Site, tmp_path: Path) -> None:
    async with (
        listening(tmp_path, INGEST_DATABASE_URL=site.listener, INGEST_SCHEMA="ingest") as running,
        session(site.app, "ingest") as application,
    ):
        assert (await running.ingest("health")).status == 0
        request = await application.fetchval(
            "insert into ingest_requests (content, uri) values ('Vents open.', 'vents') returning id"
        )
        assert (await ended(application, request))[0]["status"] == "succeeded"
        assert await application.fetchval("select uri from ingest_chunks_default") == "vents"
        supers = "select rolname from pg_roles where rolsuper and rolname::text = any ($1)"
        assert await application.fetch(supers, list(ROLES)) == []
        for url, kind in ((site.listener, "listener"), (site.app, "submitter"), (site.app, "searcher")):
            its_own = Ingest(tmp_path, INGEST_DATABASE_URL=url, INGEST_SCHEMA="ingest")
            assert (await its_own("doctor", "--as", kind)).status == 0
        assert (await running.ingest("doctor")).status == 0
    assert running.ended is not None
    assert running.ended.status == 0
    lines = [json.loads(line) for line in running.ended.err.splitlines()]
    assert [line["message"] for line in lines][-1] == "stopped"


@pytest.mark.long
async def test_listeners_with_a_role_of_their_own_go_on_with_what_a_killed_one_left(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for n in range(6):
        (folder / f"{n}.md").write_text(f"# Vents\n\nThe vents of house {n} open.\n")

    def start(name: str) -> ListenerProcess:
        return ListenerProcess(
            site.listener, tmp_path / name, schema="ingest", file_roots=folder, batch_documents=2,
            heartbeat_seconds=0.2, lease_seconds=2,
        ).ready()  # fmt: skip

    first = start("first")
    try:
        async with session(site.app, "ingest") as application:
            first.hold("before:save_chunks")
            insert = "insert into ingest_requests (source, options) values ($1, $2::text::jsonb) returning id"
            request = await application.fetchval(insert, str(folder), "{}")
            await asyncio.to_thread(first.held, "before:save_chunks")
            second = start("second")
            first.kill()
            assert (await ended(application, request))[0]["status"] == "succeeded"
            again = await application.fetchval(insert, str(folder), '{"force": true}')
            assert (await ended(application, again))[0]["documents_done"] == 6
        async with session(site.owner, "ingest") as owner:
            alive = "select array_agg(executor_id) from ingest_listeners where dead_at is null"
            assert await owner.fetchval(alive) == [second.executor_id]
        assert second.stop() == 0
    finally:
        first.kill()
    assert " ERROR " not in second.log()
    assert "permission denied" not in second.log()


@pytest.mark.long
async def test_a_listener_that_was_not_granted_its_right_ends_with_what_to_do(site: Site, tmp_path: Path) -> None:
    async with session(site.owner, "ingest") as owner:
        assert await owner.fetchval("select ingest_revoke('ingest_listener', 'listener')")
    ended_soon = await Ingest(tmp_path, INGEST_DATABASE_URL=site.listener, INGEST_SCHEMA="ingest")("listen")
    assert ended_soon.status == 5
    assert "error: not_permitted: " in ended_soon.err


async def test_an_owner_without_a_login_migrates_through_a_member(server: embedded.Server, tmp_path: Path) -> None:
    name = f"site_{uuid.uuid4().hex[:12]}"
    await server.create_database(name)
    try:
        async with session(server.dsn(name)) as superuser:
            await superuser.execute(
                f"create role {name}_owner; create role {name}_admin login in role {name}_owner;"
                f" create schema ingest authorization {name}_owner;"
                f" create schema ingest_dbos authorization {name}_owner;"
                f" alter role {name}_admin in database {name} set role = '{name}_owner'"
            )
        admin = Ingest(tmp_path, INGEST_DATABASE_URL=as_role(server.dsn(name), f"{name}_admin"), INGEST_SCHEMA="ingest")
        assert (await admin("migrate")).status == 0
        assert (await admin("grant", f"{name}_admin", "--as", "operator")).status == 0
        async with session(server.dsn(name)) as superuser:
            owners = (
                "select distinct c.relowner::regrole::text from pg_class c"
                " where c.relnamespace in ('ingest'::regnamespace, 'ingest_dbos'::regnamespace)"
            )
            assert [row[0] for row in await superuser.fetch(owners)] == [f"{name}_owner"]
    finally:
        await server.drop_database(name)
        async with session(server.dsn("postgres")) as superuser:
            await superuser.execute(f"drop role if exists {name}_admin, {name}_owner")


async def test_passwords_are_set_and_no_statement_shows_one(server: embedded.Server, tmp_path: Path) -> None:
    """Not even where all statements are logged, or the server would rather have MD5."""
    name = f"site_{uuid.uuid4().hex}"
    await server.create_database(name)
    async with session(server.dsn(name)) as superuser:
        await superuser.execute(f"alter database {name} set log_statement = 'all'")
        await superuser.execute(f"alter database {name} set password_encryption = 'md5'")
        try:
            await psql(tmp_path, server.dsn(name), "roles.sql")
            await give_passwords(tmp_path, server.dsn(name))
            rows = await superuser.fetch(
                "select rolname::text, rolpassword from pg_authid where rolname = any ($1::text[])", list(ROLES)
            )
            stored = dict(map(tuple, rows))
            log = await superuser.fetchval("select pg_read_file(pg_current_logfile())")
        finally:
            await superuser.execute(f"drop schema ingest, ingest_dbos; drop role {', '.join(ROLES)}")
            await superuser.execute(f"alter database {name} reset all")
    await server.drop_database(name)
    for name in ("owner", "listener", "app"):
        assert fits(stored[f"ingest_{name}"], PASSWORDS[f"INGEST_{name.upper()}_PASSWORD"])
    assert not fits(stored["ingest_app"], PASSWORDS["INGEST_OWNER_PASSWORD"])
    assert stored["ingest_operator"] is None
    assert "create role ingest_owner login" in log
    assert stored["ingest_owner"] in log  # the verifier was sent
    for password in PASSWORDS.values():
        assert password not in log
        assert password.replace("'", "''") not in log


def fits(verifier: str, password: str) -> bool:
    """Tell whether a SCRAM verifier is that of a password (RFC 5803)."""
    kind, salted, keys = verifier.split("$")
    assert kind == "SCRAM-SHA-256"
    rounds, salt = salted.split(":")
    secret = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    key = hashlib.sha256(hmac.digest(secret, b"Client Key", "sha256")).digest()
    return base64.b64encode(key).decode() == keys.split(":")[0]


async def test_health_is_good_while_a_listener_of_this_host_beats_and_bad_before_and_afterwards(
    ready: str, tmp_path: Path
) -> None:
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=ready)
    before = await ingest("health", "--json")
    assert (before.status, before.json["error"]["code"]) == (1, "no_heartbeat")
    async with listening(tmp_path, INGEST_DATABASE_URL=ready) as running:
        during = await ingest("health", "--json")
        assert during.status == 0
        (one,) = during.json["listeners"]
        assert (one["executor_id"], one["host"]) == (running.executor_id, socket.gethostname())
        assert (await ingest("health")).out.startswith(f"alive: {running.executor_id}, ")
        assert (await ingest("health", "--any")).status == 0
    for arguments in (("health",), ("health", "--live"), ("health", "--any")):
        assert (await ingest(*arguments)).status == 1


async def test_a_listener_of_another_host_and_one_that_fell_silent_or_was_buried_are_not_ours_to_call_healthy(
    ready: str, tmp_path: Path
) -> None:
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=ready)
    async with session(ready) as c:
        await c.execute(
            "insert into ingest_listeners "
            " (executor_id, host, pid, version, pipeline, capacity, lease, heartbeat_at, dead_at)"
            " values ('other', 'elsewhere', 1, '0', '1', 1, '1 hour', now(), null),"
            " ('silent', $1, 1, '0', '1', 1, '10 s', now() - interval '11 s', null),"
            " ('buried', $1, 1, '0', '1', 1, '1 hour', now(), now())",
            socket.gethostname(),
        )  # fmt: skip
        assert (await ingest("health")).status == 1
        anywhere = await ingest("health", "--any", "--json")
        assert (anywhere.status, [one["executor_id"] for one in anywhere.json["listeners"]]) == (0, ["other"])
        await c.execute("update ingest_listeners set heartbeat_at = now() where executor_id = 'silent'")
        assert (await ingest("health", "--live")).status == 0


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql://nobody:hidden-pass@/x?host=/nowhere", "database_unreachable"),
        ("not a url", "bad_database_url"),
        ("postgresql://nobody:hidden-pass/word@/x?host=/nowhere", "bad_database_url"),
    ],
)
async def test_a_database_that_does_not_answer_is_bad_health_but_no_reason_to_kill_a_listener(
    url: str, code: str, tmp_path: Path
) -> None:
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=url)
    unhealthy = await ingest("health")
    assert unhealthy.status == 1
    assert unhealthy.out.startswith(f"unhealthy: {code}: ")
    live = await ingest("health", "--live", "--json")
    assert (live.status, live.json["error"]["code"]) == (0, code)
    assert "hidden-pass" not in unhealthy.out + unhealthy.err + live.out


async def test_a_database_that_takes_the_connection_and_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    mute = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    async with mute:
        url = f"postgresql://nobody@127.0.0.1:{port}/x"
        told = await Ingest(tmp_path, INGEST_DATABASE_URL=url)("health", "--timeout", "0.3", "--json")
    assert (told.status, told.json["error"]["code"]) == (1, "database_unreachable")


async def test_without_a_database_url_health_starts_no_server(tmp_path: Path) -> None:
    told = await Ingest(tmp_path, INGEST_DATA_DIR=str(tmp_path / "data"))("health", "--json")
    assert (told.status, told.json["error"]["code"]) == (1, "database_unreachable")
    assert not (tmp_path / "data").exists()


async def test_systemd_is_told_that_a_listener_is_ready_lives_and_stops(ready: str, tmp_path: Path) -> None:
    name = f"ingest-test-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as supervisor:
        supervisor.bind(f"\0{name}")
        told: list[str] = []

        async def hear(expected: str) -> None:
            while not any(expected in message for message in told):
                received = await asyncio.wait_for(
                    asyncio.get_running_loop().sock_recv(supervisor, 4096), PATIENCE_SECONDS
                )
                told.append(received.decode())

        watched = {"NOTIFY_SOCKET": f"@{name}", "WATCHDOG_USEC": "200000"}
        async with listening(tmp_path, INGEST_DATABASE_URL=ready, **watched) as running:
            await hear("READY=1")
            assert any(running.executor_id in message for message in told)  # STATUS=, which systemctl shows
            told.clear()
            await hear("WATCHDOG=1")
        await hear("STOPPING=1")


async def test_a_supervisor_that_can_not_be_reached_does_not_stop_a_listener(ready: str, tmp_path: Path) -> None:
    async with listening(tmp_path, INGEST_DATABASE_URL=ready, NOTIFY_SOCKET=str(tmp_path / "gone")) as running:
        pass
    assert running.ended is not None
    assert running.ended.status == 0
    assert "READY=1 can't be reported to systemd" in running.ended.err


async def test_the_last_words_of_a_listener_hide_secrets_too(tmp_path: Path) -> None:
    ended = await Ingest(tmp_path, INGEST_CONCURRENCY="hidden-value", OTHER_API_KEY="hidden-value")("listen")
    assert ended.status == 5
    assert "INGEST_CONCURRENCY=***" in ended.err
