"""Sources and formats of other people's packages, through a whole listener: the documented examples, as they stand."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from distribution import distribution, documented
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import chunks, ended, ingested, uris
from staging import Connection, add

if sys.version_info >= (3, 11):
    import tomllib
else:  # comes with pytest there
    import tomli as tomllib

from listener.documents import formats
from listener.sources import schemes


def installed(folder: Path, page: str, module: str) -> Path:
    """Install the documented example of a page, with the entry points that it says."""
    points = tomllib.loads(documented(page, "toml"))["project"]["entry-points"]
    return distribution(folder, module.replace("_", "-"), {module: documented(page, "python")}, points)


def write(file: Path, notes: dict[str, str], version: int = 1) -> None:
    file.write_text(json.dumps({name: {"text": text, "version": version} for name, text in notes.items()}))


async def test_a_source_from_outside_is_found_claimed_and_read(
    own: Connection, ready: str, listeners: list[ListenerProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTES_FILE", str(tmp_path / "notes.json"))
    write(tmp_path / "notes.json", {"team/a.md": "# A\n\nFirst.", "team/b.md": "# B\n\nSecond.", "c.md": "# C"})
    packages = installed(tmp_path, "sources.md", "notes_source")
    listeners.append(ListenerProcess(ready, tmp_path / "one", path=packages).ready())
    assert await own.fetchval("select roots from ingest_listeners") == ["notes:", "table:"]
    request = await ingested(own, source="notes://team/", collection="notes")
    assert (request["status"], request["documents_done"], request["error"]) == ("succeeded", 2, None)
    seen = await own.fetch("select locator, version from ingest_revisions order by uri")
    assert [tuple(row) for row in seen] == [("notes://team/a.md", "1"), ("notes://team/b.md", "1")]
    assert await uris(own, "notes") == {"notes://team/a.md", "notes://team/b.md"}
    assert [chunk["slice"] for chunk in await chunks(own, "notes")] == ["# A\n\nFirst.", "# B\n\nSecond."]
    again = await ingested(own, source="notes://team/", collection="notes")
    assert again["documents_skipped"] == 2
    wrong, nothing = await ended(
        own,
        await add(own, source="notes://nobody/", collection="notes"),
        await add(own, source="notes://team/", collection="notes", options={"record": {"text": "body"}}),
    )
    assert wrong["error"]["code"] == "empty_source"
    assert nothing["status"] == "failed"  # notes are no files of records


@pytest.mark.long
async def test_a_format_from_outside_reads_documents_of_any_source(
    own: Connection, ready: str, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    packages = installed(tmp_path, "formats.md", "subtitles_format")
    listeners.append(ListenerProcess(ready, tmp_path / "one", path=packages, file_roots=tmp_path).ready())
    srt = "1\n00:00:01,000 --> 00:00:02,000\nGood evening.\n\n2\n00:00:03,000 --> 00:00:09,500\nThe ship\nhas left.\n"
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.srt").write_text(srt)
    (tmp_path / "films" / "b.srt").write_text("no subtitles")
    request = await ingested(own, source=str(tmp_path / "films"), collection="films")
    assert (request["status"], request["documents_done"]) == ("partially_succeeded", 1)
    error = await own.fetchval("select error from ingest_revisions where state = 'failed'")
    assert error["code"] == "parser_failed"
    assert "it has no subtitle" in error["message"]
    await ingested(own, content=srt, media_type="application/x-subrip", uri="inline", collection="films")
    texts = {chunk["uri"].rpartition("/")[2]: chunk["text"] for chunk in await chunks(own, "films")}
    assert texts == dict.fromkeys(["a.srt", "inline"], "Good evening.\n\nThe ship\nhas left.")
    metadata = await own.fetchval("select metadata from ingest_documents where uri = 'inline'")
    assert metadata["ends"] == "00:00:03"


@pytest.mark.long
@pytest.mark.parametrize("group", [schemes.GROUP, formats.GROUP])
async def test_a_listener_with_a_broken_package_does_not_start_and_names_it(
    ready: str, tmp_path: Path, group: str
) -> None:
    packages = distribution(tmp_path, "acme-tools", {"acme": "import nowhere"}, {group: {"acme": "acme:thing"}})
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=ready)
    ingest.environment["PYTHONPATH"] += f":{packages}"
    ended_ = await ingest("listen")
    assert ended_.status == 5
    assert ended_.code() == "broken_extension"
    assert "acme-tools 1.0 (acme:thing)" in ended_.err
