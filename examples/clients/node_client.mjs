// Insert a document, wait until it is searchable, search it. Needs the package pg and a listener on the same database:
//
//   npm install pg
//   INGEST_DATABASE_URL=postgresql://… node examples/clients/node_client.mjs
import { once } from "node:events";
import pg from "pg";

const COLLECTION = "clients";
const NOTE = "# Frost\n\nBelow 3 °C the heating starts by itself.\n\n# Heat\n\nAbove 24 °C the vents open.\n";

async function add(client) {
  const { rows } = await client.query(
    `insert into ingest_requests (content, uri, media_type, collection, metadata)
     values ($1, 'note://frost-and-heat', 'text/markdown', $2, $3) returning id`,
    [NOTE, COLLECTION, { author: "node" }],
  );
  return rows[0].id;
}

// A notification says that some request has ended, no more: look after each one, and every two seconds.
async function wait(client, id, seconds = 60) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const { rows } = await client.query("select * from ingest_status where id = $1", [id]);
    const [status] = rows;
    if (!["pending", "running"].includes(status.status)) return status;
    if (Date.now() > deadline) {
      throw new Error(`request ${id} is ${status.status}: ${status.waiting_for ?? status.current_step}`);
    }
    await once(client, "notification", { signal: AbortSignal.timeout(2000) }).catch((error) => {
      if (error.name !== "AbortError") throw error;
    });
  }
}

const client = new pg.Client({ connectionString: process.env.INGEST_DATABASE_URL });
await client.connect();
try {
  await client.query("listen ingest_finished"); // before the insert, so that the answer can't be missed
  const id = await add(client);
  const status = await wait(client, id);
  console.log(status);

  const failures = await client.query("select * from ingest_failures where request_id = $1", [id]);
  if (failures.rows.length > 0) console.table(failures.rows);

  const hits = await client.query("select score, uri, ordinal, text from ingest_search($1, $2, 5)", [
    "when does the heating start",
    COLLECTION,
  ]);
  console.table(hits.rows);
  process.exitCode = status.status === "succeeded" ? 0 : 1;
} finally {
  await client.end();
}
