"""Hints as a shell has them: SQL that they name becomes the command that does the same, where there is one."""

from __future__ import annotations

import re
import shlex

_QUOTED = r"'((?:[^']|'')*)'"
_OF_ONE = "unwatch|run_watch|pause_watch|resume_watch|cancel|resume|retry|fork"
CALL_IN_HINT = re.compile(rf"select ingest_({_OF_ONE})\((?:{_QUOTED}|([a-z]+))\);?")
GRANT_IN_HINT = re.compile(rf"select ingest_grant\({_QUOTED}, {_QUOTED}, {_QUOTED}\);?")
RESTORE_IN_HINT = re.compile(r"select ingest_confirm_restore\(\);?")
LOOK_IN_HINT = re.compile(
    r"[Ss]ee:? select [a-z*, ]+ from ingest_(requests|status|collections|watches|list_documents\(collection\))(?!\w)"
)
FAILURES_IN_HINT = re.compile(r"select \* from ingest_failures where request_id = '([0-9a-f]{8})[0-9a-f-]{28}';?")
SHAPE_IN_HINT = re.compile(r'([Ww]rite (?:it|options) like) \{"(\w+)": (.+?)\}(?=\.(?: |$))')

_LOOKS = {"requests": "status", "list_documents(collection)": "documents"}


def in_shell(text: str) -> str:
    """Return a hint, or what something waits for, with commands instead of SQL that has one."""
    text = CALL_IN_HINT.sub(_call, text)
    text = GRANT_IN_HINT.sub(_grant, text)
    text = RESTORE_IN_HINT.sub("ingest confirm-restore", text)
    text = FAILURES_IN_HINT.sub(r"See: ingest failures \1", text)
    text = LOOK_IN_HINT.sub(lambda found: f"See: ingest {_LOOKS.get(found[1], found[1])}", text)
    return SHAPE_IN_HINT.sub(lambda found: f"{found[1]} -o {found[2]}={shlex.quote(found[3])}", text)


def _call(found: re.Match[str]) -> str:
    value = found[3].upper() if found[3] else _word(found[2])
    return f"ingest {found[1].replace('_', '-')} {value}"


def _grant(found: re.Match[str]) -> str:
    role, right, collection = map(_word, found.groups())
    return f"ingest grant {role} --as {right} -c {collection}"


def _word(literal: str) -> str:
    return shlex.quote(literal.replace("''", "'"))
