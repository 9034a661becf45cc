"""Hints as a shell has them: the command that does what their SQL does."""

from __future__ import annotations

import pytest

from listener.cli.in_shell import in_shell

HINTS = [
    (
        "pause: since now; to continue: select ingest_resume_watch('a:/srv/b')",
        "to continue: ingest resume-watch a:/srv/b",
    ),
    ("or now: select ingest_run_watch('it''s')", """or now: ingest run-watch 'it'"'"'s'"""),
    ("remove it first: select ingest_unwatch(name).", "remove it first: ingest unwatch NAME."),
    ("Cancel it first: select ingest_cancel('0b6b');", "Cancel it first: ingest cancel 0b6b"),
    ("Start over, as a new request: select ingest_fork(id).", "as a new request: ingest fork ID."),
    ("See select id, status from ingest_requests.", "See: ingest status."),
    ("See select name, source, collection from ingest_watches.", "See: ingest watches."),
    ("See select * from ingest_list_documents(collection).", "See: ingest documents."),
    ("to continue in it: select ingest_confirm_restore()", "to continue in it: ingest confirm-restore"),
    (
        "select * from ingest_failures where request_id = '869b012a-c761-4690-bebf-17249512ba34';",
        "See: ingest failures 869b012a",
    ),
    ("can grant it: select ingest_grant('ann', 'submitter', 'a b');", "ingest grant ann --as submitter -c 'a b'"),
    (
        'Write it like {"crawl": {"depth": 2, "pages": 500}}. See select * from ingest_options().',
        """Write it like -o crawl='{"depth": 2, "pages": 500}'. See select * from ingest_options().""",
    ),
    ('Write it like {"include": ["*.md", "*.txt"]}.', """Write it like -o include='["*.md", "*.txt"]'."""),
]


@pytest.mark.parametrize(("hint", "shown"), HINTS)
def test_sql_that_has_a_command_is_shown_as_that(hint: str, shown: str) -> None:
    assert in_shell(hint).endswith(shown)


@pytest.mark.parametrize(
    "hint",
    [
        'Write it like {"depth": 5, "pages": 500}: whole numbers.',
        "Write: select ingest_watch_table('articles', columns => '{title,body}').",
        "select ingest_unwatch('a', true)",
    ],
)
def test_other_hints_stay_as_they_are(hint: str) -> None:
    assert in_shell(hint) == hint
