"use strict";
/**
 * A Cosmos DB emulator for one machine: @vercel/cosmosdb-server, repaired (cosmos_repairs.js) and
 * with a memory (cosmos_journal.js) and the limits of the service (cosmos_limits.js). HTTP on
 * 127.0.0.1 only; keys are not checked.
 *
 *   node infra/local/cosmos.js --port 8081 --journal FILE
 *
 * Port 0 takes a free port; the ready line names it. For tests of failure, on the same port:
 *   POST /_local/fail?seconds=20&status=503   every request gets this answer for that long
 */
const { AsyncLocalStorage } = require("async_hooks");
const { parseArgs } = require("util");
const { repair, load } = require("./cosmos_repairs");
const { checkBatch, limit } = require("./cosmos_limits");
const journal = require("./cosmos_journal");
const { JournalFile } = require("./journal_file");

const changes = new AsyncLocalStorage(); // the changes of the request at hand: [{items, change}]

/** Notes every change of stored resources with the request that makes it. */
function watch() {
  const { prototype } = load("account/items.js").default;
  const raw = { set: prototype._set, delete: prototype.delete };
  const note = (items, kind, resource) => {
    const path = journal.pathOf(items);
    if (path) changes.getStore()?.push({ items, change: { path, count: items._ridCount, [kind]: resource } });
  };
  prototype._set = function (data) {
    note(this, "put", data);
    return raw.set.call(this, data);
  };
  prototype.delete = function (id, partition) {
    note(this, "drop", this._item("/id", id, partition).read());
    return raw.delete.call(this, id, partition);
  };
  const collections = load("account/collections.js").default.prototype;
  const create = collections._newItem;
  collections._newItem = function (data) {
    // A container does not know its database by itself; its documents' path in the journal does.
    return Object.assign(create.call(this, data), { databaseId: this._parent.read()?.id });
  };
  return raw;
}

/** Takes back what a request changed, the last first. */
function undo(raw, made) {
  for (const { items, change } of made.splice(0).reverse()) {
    if (change.put) raw.delete.call(items, change.put.id, items._getPartition(change.put));
    else raw.set.call(items, change.drop);
  }
}

/** A request is journalled before its answer leaves; if that fails, it changes nothing and gets 503. */
function journalled(listener, file, raw) {
  return (req, res) => {
    const made = [];
    const end = res.end;
    res.end = (...answer) => {
      if (!made.length) return end.apply(res, answer);
      try {
        file.append(JSON.stringify(made.map(({ change }) => change)));
      } catch (error) {
        console.error(`cosmos: a write is refused: ${error.message}`);
        undo(raw, made);
        return end.call(res, unavailable(res, error));
      }
      return end.apply(res, answer);
    };
    changes.run(made, () => listener(req, res));
  };
}

/** Turns an answer into one that is worth another attempt; its body. */
function unavailable(res, error) {
  res.statusCode = 503;
  res.removeHeader("etag");
  return JSON.stringify({ code: "ServiceUnavailable", message: `not written: ${error.message}` });
}

/** Serves `POST /_local/fail` and, while it lasts, the failure instead of the store. */
function failing(listener) {
  let until = 0;
  let status = 503;
  const answer = (res, code, body) => {
    res.writeHead(code, { "content-type": "application/json" });
    res.end(JSON.stringify(body));
  };
  return (req, res) => {
    const url = new URL(req.url, "http://localhost");
    if (req.method === "POST" && url.pathname === "/_local/fail") {
      until = Date.now() + 1000 * Number(url.searchParams.get("seconds"));
      status = Number(url.searchParams.get("status") || 503);
      return answer(res, 200, { until: new Date(until).toISOString(), status });
    }
    if (Date.now() < until) return answer(res, status, { code: "LocalFailure", message: "asked to fail" });
    return listener(req, res);
  };
}

/** The account class, filled from the journal as soon as the server makes one. */
function remember(file, raw) {
  const stored = journal.readChanges(file);
  const module = load("account/index.js");
  module.default = class extends module.default {
    constructor(...address) {
      super(...address);
      for (const change of stored.splice(0)) journal.apply(this, change, raw);
      journal.compact(file, this);
    }
  };
}

function opened(file) {
  try {
    return new JournalFile(file);
  } catch (error) {
    return fail(error);
  }
}

function main() {
  const options = { port: { type: "string", default: "8081" }, journal: { type: "string" } };
  const { values } = parseArgs({ options });
  if (!values.journal) throw new Error("--journal FILE is needed: where the data lives");
  const raw = watch();
  repair(() => undo(raw, changes.getStore()), checkBatch);
  limit();
  remember(values.journal, raw);

  const server = require("@vercel/cosmosdb-server").createHttpServer({ keepAlive: true });
  server.keepAliveTimeout = 120_000; // clients pool connections; the default 5 s would cut them
  const [listener] = server.listeners("request");
  server.removeAllListeners("request");
  server.on("error", fail);
  server.listen(Number(values.port), "127.0.0.1", () => {
    // Opened after the compaction: before it, the name belonged to the old file.
    server.on("request", failing(journalled(listener, opened(values.journal), raw)));
    console.log(`cosmos on http://127.0.0.1:${server.address().port}`);
  });
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => process.exit(0));
}

function fail(error) {
  console.error(`cosmos: ${error.code === "EADDRINUSE" ? `port ${error.port} is taken` : error.message}`);
  process.exit(1);
}

try {
  main();
} catch (error) {
  fail(error);
}
