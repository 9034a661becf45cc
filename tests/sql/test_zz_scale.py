import time
from datetime import timedelta
import pytest
from reembedding import first, order, listed, OTHER
from staging import Connection, settle, one


@pytest.mark.parametrize("n", [1000, 100_000, 1_000_000])
async def test_scale(c: Connection, n: int) -> None:
    await first(c, {"a": "x"})
    await c.execute("set statement_timeout = 0")
    t = time.monotonic()
    await c.execute(
        "alter table ingest_chunk_store disable trigger all; alter table ingest_documents disable trigger all; alter table ingest_revisions disable trigger all"
    )
    await c.execute("drop index if exists ingest_chunk_store_lexemes_idx")
    r = await c.fetchval("select request_id from ingest_revisions limit 1")
    await c.execute(
        """insert into ingest_revisions (request_id, position, batch, collection, uri, state, read_seq, text, title, starts, ends, document_id, published_at, settings_hash, content_hash)
      select $1, n, 1, 'default', 'u' || n, 'published', 1, 'text', null, '{0}', '{4}', n + 100, now(), '\\x00', '\\x00' from generate_series(1, $2) n""",
        r,
        n,
        timeout=600,
    )
    await c.execute(
        """insert into ingest_documents (id, collection, uri, revision_id, live_seq, chunks) overriding system value select document_id, collection, uri, id, 1, 1 from ingest_revisions where document_id > 100""",
        timeout=600,
    )
    await c.execute(
        """insert into ingest_chunk_store (revision_id, generation, ordinal, space_id, start_char, end_char, text_config, collection, text, hash, metadata, embedding, lexemes)
      select v.id, 1, 0, 1, 0, 4, 'english', 'default', 'text', int8send(v.id), '{}', '[1,0,0]', '' from ingest_revisions v where document_id > 100""",
        timeout=600,
    )
    await c.execute("analyze")
    made = time.monotonic() - t
    request = await order(c)
    t = time.monotonic()
    await c.execute("update ingest_listeners set knows_caps = true")
    from staging import claim

    assert request in await claim(c, 10)
    pages = 0
    while await c.fetchval("select ingest_list_standing($1, 'L1', 1, 4096, 256, 64000000)", request, timeout=600):
        pages += 1
    await one(c, "select * from ingest_complete_manifest($1, 'L1')", request, timeout=600)
    listing = time.monotonic() - t
    await c.execute(
        "insert into ingest_cuts (revision_id, generation, starts, ends) select stands_for, 2, '{0}', '{4}' from ingest_revisions where request_id = $1",
        request,
        timeout=600,
    )
    await c.execute(
        "update ingest_revisions set state = 'published', document_id = 1 where request_id = $1", request, timeout=600
    )
    await c.execute(
        """insert into ingest_chunk_store (revision_id, generation, ordinal, space_id, start_char, end_char, text_config, collection, text, hash, metadata, embedding, lexemes)
      select v.id, 2, 0, (select space_id from ingest_generations where generation = 2), 0, 4, 'english', 'default', 'text', int8send(-v.id), '{}', '[1,0]', '' from ingest_revisions v where document_id > 100""",
        timeout=900,
    )
    await c.execute("update ingest_generations set automatic = false where generation = 2")
    await c.execute("update ingest_collections set indexed = false")
    await settle(c, request)
    times, wal = [], []
    for k in range(6):
        before = await c.fetchval("select pg_current_wal_insert_lsn()")
        t = time.monotonic()
        if k == 0:
            await c.fetch("select ingest_switch('default')", timeout=600)
        else:
            await c.fetch("select ingest_rollback('default')")
        times.append(round(1000 * (time.monotonic() - t), 1))
        wal.append(int(await c.fetchval("select pg_current_wal_insert_lsn() - $1::pg_lsn", before)))
    t = time.monotonic()
    purged = 0
    await c.execute("select ingest_drop_generation('default')")
    while got := await c.fetchval("select ingest_purge_generations($1::interval, 500)", timedelta(0), timeout=100):
        purged += got
        if purged > 20000:
            break
    print(
        "SCALE",
        n,
        "made",
        round(made),
        "listing s",
        round(listing, 1),
        pages,
        "switch+rollbacks ms",
        times,
        "wal",
        wal,
        "purge",
        purged,
        round(time.monotonic() - t, 2),
    )
