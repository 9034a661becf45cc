"""The command ``ingest``: each subcommand parses its arguments, calls the client and prints the result.

::

    __init__    the program: its verbs, its end
    arguments   options shared by several subcommands; parsing of paths and k=v
    problems    whatever went wrong → code, message, hint, exit status
    output      terminal, plain lines or JSON
    running     signals, settings, and the client that shows the SQL it sends
    follow      requests until they end
    add         add                              status      status
    planning    plan
    failing     failures                         hits        what a search found
    request_list  requests in a list             fitting     lines that fit a width
    unreadable  what no listener may read        summary     the result of a quickstart
    mcp         mcp, on the tools of assistant
    overall     status --watch                   situation_lines  what it shows
    control     cancel, resume, retry, fork, ask-again, confirm-restore
    search      search                           context     context
    judge       eval                             listen      listen
    maintain    maintain
    holdings    collections, documents, show     deletion    delete
    holding_lines  these in lists                used        usage
    watching    watch, watches, unwatch, pause-watch …
    operate     migrate, psql, stop, uninstall   doctor      doctor
    quickstart  quickstart                       next_steps  what it says at its end
    rights      grant, revoke                    health      health
    forget      forget, let-back
    reembed     reembed, generations, switch, rollback, drop-generation
    ui          ui, on the pages of webui        lasting     a way to Postgres that outlives restarts
    systemd     reports to systemd               findings    what doctor's checks find
    processes   listen, as several processes
    database_checks  doctor, inside the database

Importing this is quick: what is heavy (drivers, DBOS, embedders) is imported by the verb that needs it.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from listener import __version__
from listener.cli import (
    add,
    context,
    control,
    deletion,
    doctor,
    failing,
    forget,
    health,
    holdings,
    judge,
    listen,
    maintain,
    mcp,
    operate,
    planning,
    problems,
    quickstart,
    reembed,
    rights,
    search,
    status,
    ui,
    used,
    watching,
)

__all__ = ["app", "main"]

EPILOG = """\b
Exit status:
  0    done; with --wait or --watch: succeeded
  1    a request failed
  2    wrong usage, or the database refused what was asked
  3    a request succeeded partially: some documents failed, the others are live
  4    a request was cancelled
  5    it can't run like this: no database, not migrated, a wrong setting
  70   a bug in this program
  130, 143   stopped by SIGINT, SIGTERM

\b
Errors are two lines on stderr, "error: CODE: message" and "hint: …"; with --json, one JSON object.
Codes are stable, messages are not."""

app = typer.Typer(
    name="ingest",
    epilog=EPILOG,
    rich_markup_mode=None,  # plain help: quick, and brackets in it mean nothing
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def ingest(
    called: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    """Insert a row into Postgres, and the documents it names become searchable chunks.

    \b
    ingest quickstart docs/                  everything at once, on your own folder
    ingest migrate                           install the tables, views and functions
    INGEST_ROOTS=/srv/docs ingest listen
    ingest add /srv/docs --wait              or: insert into ingest_requests (source) values ('/srv/docs');
    ingest search "how do I resume?"

    INGEST_DATABASE_URL names the Postgres; without it an embedded one is started in the user's data folder. Other
    settings: ingest doctor --settings. Verbs that ask the database show the SQL that they send with --show-sql.
    """
    if version:
        typer.echo(f"ingest {__version__}")
        raise typer.Exit
    if called.invoked_subcommand is None:
        typer.echo(called.get_help())
        raise typer.Exit(problems.USAGE)


app.command("quickstart", short_help="Ingest a folder and search it; shows the SQL.")(quickstart.quickstart)
app.command("migrate", short_help="Install or upgrade the tables, views and functions.")(operate.migrate)
app.command("listen", short_help="Run a listener in the foreground.")(listen.listen)
app.command("add", short_help="Submit files, folders or stdin for ingestion.")(add.add)
app.command("plan", short_help="Say what ingesting a source would do and cost.")(planning.plan)
app.command("watch", short_help="Keep a source in sync with a collection.")(watching.watch)
app.command("watches", short_help="Show watches and their state.")(watching.watches)
app.command("unwatch", short_help="End a watch.")(watching.unwatch)
app.command("run-watch", short_help="Make a watch look now.")(watching.run_watch)
app.command("pause-watch", short_help="Pause a watch.")(watching.pause_watch)
app.command("resume-watch", short_help="Resume a paused watch.")(watching.resume_watch)
app.command("status", short_help="Show the progress of requests and what they wait for.")(status.status)
app.command("failures", short_help="Show the documents that failed, and why.")(failing.failures)
app.command("cancel", short_help="Cancel pending or running requests.")(control.cancel)
app.command("resume", short_help="Resume cancelled requests.")(control.resume)
app.command("retry", short_help="Retry what failed in requests.")(control.retry)
app.command("fork", short_help="Make a new request that starts at a step of another one.")(control.fork)
app.command("reembed", short_help="Give a collection in use another model, or other chunks.")(reembed.reembed)
app.command("generations", short_help="Show the generations of collections, and how far one is.")(reembed.generations)
app.command("switch", short_help="Make the generation live that was made.")(reembed.switch)
app.command("rollback", short_help="Make the former generation live again.")(reembed.rollback)
app.command("drop-generation", short_help="Give up a generation that is not live.")(reembed.drop_generation)
app.command("ask-again", short_help="Ask services that are away now, not later.")(control.ask_again)
app.command("confirm-restore", short_help="Resume work in a database that was restored from a copy.")(
    control.confirm_restore
)
app.command("collections", short_help="Show what each collection holds.")(holdings.collections)
app.command("documents", short_help="List documents, or only failing ones.")(holdings.documents)
app.command("show", short_help="Show a document: text, chunks, history.")(holdings.show)
app.command("delete", short_help="Delete documents of a collection.")(deletion.delete)
app.command("forget", short_help="Remove all traces of documents, and keep them out.")(forget.forget)
app.command("let-back", short_help="Let a forgotten document be ingested again.")(forget.let_back)
app.command("usage", short_help="Show what was sent to embedders, by day.")(used.usage)
app.command("search", short_help="Search by words and by meaning.")(search.search)
app.command("context", short_help="Print text for a prompt that answers a question.")(context.context)
app.command("ui", short_help="Serve pages for a browser: see how it goes, search.")(ui.ui)
app.command("mcp", short_help="Serve assistants: search and read documents (MCP).")(mcp.mcp)
app.command("eval", short_help="Measure the quality of searches.")(judge.evaluate)
app.command(
    "psql",
    short_help="Open psql on the database.",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(operate.psql)
app.command("grant", short_help="Let a role submit, search, operate or listen.")(rights.grant)
app.command("revoke", short_help="Revoke such a right.")(rights.revoke)
app.command("doctor", short_help="Check what ingestion needs; show the settings.")(doctor.doctor)
app.command("maintain", short_help="Build the indexes of vectors now, as the owner.")(maintain.maintain)
app.command("health", short_help="Say whether a listener of this host is alive, for probes.")(health.health)
app.command("stop", short_help="Stop the embedded Postgres.")(operate.stop)
app.command("uninstall", short_help="Drop everything of ours from the database.")(operate.uninstall)


def main() -> NoReturn:
    """Run the program and exit with one of the statuses that ``ingest --help`` lists."""
    _open_streams()
    as_json = "--json" in sys.argv
    try:
        end = app(prog_name="ingest", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:  # every end goes through here
        if isinstance(error, BrokenPipeError) or isinstance(error.__context__, BrokenPipeError):  # ingest status | head
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            end = problems.BROKEN_PIPE
        else:
            end = problems.report(error, as_json)
    sys.exit(end or problems.OK)


def _open_streams() -> None:
    """Open whatever was closed, as by ``>&-``: otherwise the next file or socket would take its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a name that the terminal can't show
