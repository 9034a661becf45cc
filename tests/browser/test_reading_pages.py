"""Documents, one document and searches as pages over plain HTTP: what each role sees, and what is refused."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from browsing import pages_of
from pipeline import until
from roles import new_roles
from shown_documents import answered, asked, many, place
from staging import Connection, add, add_listener, carry, claim, discover, ingest, settle

from listener import embedded

HOSTILE = '"><img src=x onerror=alert(1)>'
TEXT = "Ships moor at night. Ferries leave at noon."


def as_role(database: str, role: str) -> str:
    return database.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")


def next_of(html: str) -> dict[str, str] | None:
    """Return the parameters of the link to the next page."""
    found = re.search(r'<a rel="next" href="([^"]+)"', html)
    return dict(parse_qsl(urlsplit(unescape(found[1])).query)) if found else None


async def test_documents_are_listed_page_by_page(installed: str, c: Connection, tmp_path: Path) -> None:
    async with pages_of(installed, tmp_path) as pages:
        assert "No documents that this role may see." in (await answered(pages, "/documents")).html
        await ingest(c, {"only": "one"})
        assert "?collection=default&amp;uri=only" in (await answered(pages, "/documents")).html
        await many(c, "a", 2_030)
        seen: list[str] = []
        following: dict[str, str] | None = {"collection": "a", "under": "doc/"}
        while following:
            page = await answered(pages, "/documents", **following)
            found = re.findall(r"amp;uri=doc%2F(\d{6})", page.html)
            assert len(found) <= 100
            seen += found
            following = next_of(page.html)
        assert seen == [f"{n:06}" for n in range(1, 2_031)]
        below = await answered(pages, "/documents", under="doc/00203")
        assert len(re.findall(r"uri=doc%2F", below.html)) == 1
        unknown = await answered(pages, "/documents", collection="no where", under="kept")
        assert unknown.status == 404
        assert "unknown_collection" in unknown.html
        assert 'value="no where"' in unknown.html
        assert 'value="kept"' in unknown.html
        assert (await answered(pages, "/documents", under="a\0b")).status == 200  # no text has it: left out
        assert (await answered(pages, "/document", uri="nothing")).status == 404


@pytest.mark.long
async def test_a_document_of_megabytes_costs_a_page(installed: str, c: Connection, tmp_path: Path) -> None:
    """One line of 6 MB, in 6,000 chunks that overlap."""
    text = "".join(f"<{n:06}>" for n in range(750_000))
    places = [(begin, min(begin + 1_100, len(text))) for begin in range(0, len(text), 1_000)]
    await place(c, "large", text, places, headings={n: [f"Part {n // 100}"] for n in range(len(places))})
    async with pages_of(installed, tmp_path) as pages:
        page = await answered(pages, "/document", uri="large")
        assert len(page.html) < 120_000
        assert "&lt;000000&gt;" in page.html
        assert "of 6,000,000." in page.html
        following = next_of(page.html)
        assert following is not None
        assert following["at"] == "20000"
        assert "&lt;002500&gt;" in (await answered(pages, "/document", **following)).html
        deep = await answered(pages, "/document", uri="large", chunk=3_210)
        assert 'id="chunk-3210"' in deep.html
        assert "chunk 3210, characters 3210000 to 3211100" in deep.html
        assert "Part 32" in deep.html
        end = await answered(pages, "/document", uri="large", at=5_990_000)
        assert "&lt;749999&gt;" in end.html
        assert next_of(end.html) is None
        beyond = await answered(pages, "/document", uri="large", at=99_999_999, chunk=6_000)
        assert beyond.status == 200
        assert "There is no chunk 6000" in beyond.html


async def test_borders_of_chunks_are_marked_and_what_two_have(installed: str, c: Connection, tmp_path: Path) -> None:
    await place(c, "x", TEXT, [(0, 20), (14, 43)], "Harbour", {0: ["Harbour", "Mooring"], 1: ["Harbour", "Ferries"]})
    async with pages_of(installed, tmp_path) as pages:
        html = (await answered(pages, "/document", uri="x", chunk=1)).html
    text = html[html.index('<pre class="text"') : html.index("</pre>")]
    bare = re.sub(r"<[^>]+>", "", text.partition(">")[2]).replace("\n", "")
    assert bare == "▸0 Mooring · page 1 Ships moor at ▸1 Ferries · page 2 night.◂0  Ferries leave at noon.◂1 "
    assert '<span class="run shared aimed">night.</span>' in text
    assert text.count('aria-current="true"') == 1


async def test_each_role_sees_what_it_may_and_a_word_for_the_rest(
    installed: str, c: Connection, tmp_path: Path
) -> None:
    await place(c, "for-all", TEXT, collection="a")
    await place(c, "for-some", "Secret text.", collection="a", options={"principals": ["somebody"]})
    async with new_roles(c, 3) as (searcher, submitter, operator):
        for role, kind in ((searcher, "searcher"), (submitter, "submitter"), (operator, "operator")):
            await c.execute("select ingest_grant($1::name, $2, 'a')", role, kind)
        async with pages_of(as_role(installed, searcher), tmp_path) as pages:
            listed = (await answered(pages, "/documents")).html
            assert "for-all" in listed
            assert "for-some" not in listed
            assert "Ships moor" in (await answered(pages, "/document", uri="for-all", collection="a")).html
            assert (await answered(pages, "/document", uri="for-some", collection="a")).status == 404
            found = await answered(pages, "/search", q="text ships", collection="a", by="words")
            assert "<mark>Ships</mark>" in found.html
            assert "Secret" not in found.html
            assert "to who operates a collection" in (await answered(pages, "/documents", failed="yes")).html
        async with pages_of(as_role(installed, submitter), tmp_path) as pages:
            refused = await answered(pages, "/search", q="ships", collection="a", k="3")
            assert refused.status == 403
            assert "not_permitted" in refused.html or "not_granted" in refused.html
            assert 'value="ships"' in refused.html
            assert (await answered(pages, "/documents")).status == 403
            assert (await answered(pages, "/document", uri="for-all", collection="a")).status == 404
        async with pages_of(as_role(installed, operator), tmp_path) as pages:
            shown = (await answered(pages, "/document", uri="for-some", collection="a")).html
            assert "shown to roles that may search" in shown
            assert "Secret" not in shown
            assert "somebody" in shown
            assert "/requests/" in shown


async def test_a_submitter_sees_what_became_of_its_own(installed: str, c: Connection, tmp_path: Path) -> None:
    async with new_roles(c, 1) as (submitter,):
        await c.execute("select ingest_grant($1, 'submitter')", submitter)
        await add_listener(c)
        await c.execute(f"set role {submitter}")
        request = await add(c)
        await c.execute("reset role")
        assert await claim(c) == [request]
        await discover(c, request, ["mine"])
        await carry(c, request, texts={"mine": TEXT})
        assert await settle(c, request) == "succeeded"
        async with pages_of(as_role(installed, submitter), tmp_path) as pages:
            shown = await answered(pages, "/document", uri="mine")
            assert shown.status == 200
            assert "Nothing of it is live, or it is not for this role." in shown.html
            assert "Ships moor" not in shown.html
            assert "/requests/" in shown.html


WRONG: tuple[tuple[dict[str, object], str, str], ...] = (
    ({"k": "many"}, "usage", 'value="many"'),
    ({"filter": '{"a'}, "usage", 'value="{&#34;a"'),
    ({"filter": "[1]"}, "usage", 'value="[1]"'),
    ({"filter": '{"a":' * 3_000}, "usage", "filter: Invalid JSON"),
    ({"filter": '{"year": {"$near": 3}}'}, "wrong_filter", "$near"),
    ({"since": "some day"}, "wrong_since", 'value="some day"'),
    ({"by": "magic"}, "usage", "by: "),
    ({"min_similarity": "7"}, "usage", 'value="7"'),
    ({"words_weight": "-1"}, "usage", 'value="-1"'),
    ({"collection": ["default", "nowhere"]}, "unknown_collection", 'value="nowhere" checked'),
    ({"by": "meaning"}, "no_space_yet", 'value="meaning" selected'),
)


async def test_an_argument_that_is_wrong_is_said_beside_the_form(installed: str, tmp_path: Path) -> None:
    async with pages_of(installed, tmp_path) as pages:
        for query, code, kept in WRONG:
            for view in ("", "context"):
                answer = await answered(pages, "/search", q="ships & <sails>", view=view, **query)
                assert answer.status in (400, 404), query
                assert f"<code>{code}</code>" in answer.html, query
                assert 'value="ships &amp; &lt;sails&gt;"' in answer.html
                assert kept in answer.html, query
        assert "Nothing found." in (await answered(pages, "/search", q="ships")).html


@pytest.mark.long
async def test_names_and_texts_are_never_html(installed: str, c: Connection, tmp_path: Path) -> None:
    uri = f" a b?c=1#d%41/../{HOSTILE} "
    title, text = f"<script>alert(1)</script>\u202e{HOSTILE}", f"Ships </pre><script>alert(1)</script>\u202e {HOSTILE}"
    name = "<b>&\"'"
    await place(c, uri, text, title=title, headings={0: [HOSTILE]}, collection=name)
    async with pages_of(installed, tmp_path) as pages:
        listed = await answered(pages, "/documents")
        (link,) = re.findall(r'"(/document\?[^"]+)"', listed.html)
        shown = await answered(pages, unescape(link))
        found = await answered(pages, "/search", q="ships", collection=name)
        (chunk,) = re.findall(r'"(/document\?[^"]+)"', found.html)
        assert (await answered(pages, unescape(chunk).partition("#")[0])).status == 200
        context = await answered(pages, "/search", q=f"ships {HOSTILE}", collection=name, view="context")
        for page in (listed, shown, found, context):
            assert page.status == 200
            assert "alert(1)" in page.html
            assert "<img" not in page.html
            assert "<script>" not in page.html
            assert "<b>&" not in page.html
        for page in (listed, shown, found):
            assert "\u202e" not in page.html
            assert "\\u202e" in page.html


async def test_another_site_s_page_can_t_embed_a_search(installed: str, tmp_path: Path) -> None:
    async with pages_of(installed, tmp_path) as pages:
        for destination, status in (("image", 403), ("iframe", 403), ("document", 200)):
            headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": destination}
            assert (await asked(pages, "/search", headers, q="ships")).status == status


@pytest.mark.long
async def test_other_pages_come_while_searches_wait(
    installed: str, c: Connection, other: Connection, tmp_path: Path
) -> None:
    await ingest(c, {"harbour": TEXT})
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    async with pages_of(installed, tmp_path) as pages:
        async with c.transaction():
            await c.execute("lock table ingest_chunk_store in access exclusive mode")
            searches = [asyncio.create_task(answered(pages, "/search", q=f"ships {n}", by="words")) for n in range(6)]
            await until(lambda: _equals(other, waiting, 2))
            assert (await answered(pages, "/documents")).status == 200
            assert (await answered(pages, "/search")).status == 200
            assert await other.fetchval(waiting) == 2
        for page in await asyncio.gather(*searches):  # some may have waited too long for their turn
            assert "<mark>Ships</mark>" in page.html or "<code>too_many_looks</code>" in page.html


async def _equals(c: Connection, query: str, number: int) -> bool:
    return bool(await c.fetchval(query) == number)
