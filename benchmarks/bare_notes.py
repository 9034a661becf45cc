"""``python -m benchmarks.bare_notes DSN``: the least that makes an inserted text searchable: LISTEN, embed, insert.

Plain asyncpg, one connection. A trigger's NOTIFY carries the row's id; the text is read, parsed, cut and embedded with
the listener's own parts, all on the event loop, and its chunks are stored in one statement that commits like any other.
``bare_chunks`` is ``ingest_chunk_store`` with its columns, constraints and indexes, full text included. No claim, no
states, no status, nothing is recovered, and a document that comes again is there twice.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import asyncpg
from pgvector.asyncpg import register_vector

from benchmarks.bare_steps import Texts
from benchmarks.session import say, say_begun

TABLES = """
create table bare_notes (id bigint generated always as identity primary key, uri text not null, content text not null);
create table bare_chunks (like ingest_chunk_store including all);
alter table bare_chunks alter column text_config set default 'english', alter column collection set default 'bare',
  alter column space_id set default 1;
create function bare_ring() returns trigger language plpgsql as $$
begin
  perform pg_notify('bare_notes', new.id::text);
  return null;
end
$$;
create trigger bare_ring after insert on bare_notes for each row execute function bare_ring()
"""
STORE = """
insert into bare_chunks (revision_id, ordinal, start_char, end_char, text, hash, metadata, embedding, lexemes)
select $1, n.*, ingest_lexemes('english'::regconfig, $9::text, n.metadata -> 'heading_path', n.text)
from unnest($2::int[], $3::int[], $4::int[], $5::text[], $6::bytea[], $7::jsonb[], $8::vector[])
  as n (ordinal, starts, ends, text, hash, metadata, embedding)
"""


async def install(dsn: str) -> None:
    """Make its tables, in a migrated database."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(TABLES)
    await connection.close()


async def main(dsn: str) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    connection = await asyncpg.connect(dsn)
    await register_vector(connection)
    texts, heard = Texts(), asyncio.Queue[str]()
    await connection.add_listener("bare_notes", lambda *said: heard.put_nowait(str(said[-1])))

    async def carry() -> None:
        while True:
            number = int(await heard.get())
            uri, content = await connection.fetchrow("select uri, content from bare_notes where id = $1", number)
            say_begun(uri)
            loaded = texts.parse(uri, content)
            rows = texts.rows(loaded, texts.cut(loaded["text"]))
            await connection.execute(STORE, number, *rows, loaded["title"])

    carrying = asyncio.create_task(carry())
    say("ready")
    await asyncio.wait([carrying, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    carrying.cancel()
    await asyncio.gather(carrying, return_exceptions=True)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
