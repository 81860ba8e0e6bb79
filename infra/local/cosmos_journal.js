"use strict";
/**
 * The journal of the Cosmos DB emulator: an append-only file with the result of every write.
 *
 * One line a request: a JSON array of changes, so that a transactional batch is one line and
 * lands whole or not at all. A change is `{path, count, put}` or `{path, count, drop}`:
 * `path` names the parents (`[]` databases, `[db]` containers, `[db, container]` documents),
 * `put` is the stored resource with its `_etag`, `_rid` and `_ts`, `drop` is a resource that went,
 * and `count` is the number of resources that the collection ever had, so that no `_rid` is reused.
 * It keeps the result and not the request, so a replay gives the same etags.
 *
 * A line is in the file whole before the answer goes out (journal_file.js), or the answer is 503
 * and the change is taken back.
 */
const fs = require("fs");
const { JournalFile, readLines } = require("./journal_file");

/** Changes in the file, oldest first. A last line without its newline was never acknowledged. */
function readChanges(file) {
  return readLines(file).flatMap((line, index) => {
    try {
      return JSON.parse(line);
    } catch {
      throw new Error(`${file}: line ${index + 1} is not a journal entry; move the file away to start empty`);
    }
  });
}

/** The collection of `account` that `path` names. */
function itemsAt(account, [database, container]) {
  if (database === undefined) return account.databases;
  const parent = account.database(database);
  return container === undefined ? parent.collections : parent.collection(container).documents;
}

/** The path of `items`, or undefined for what is derived and not kept (partition key ranges). */
function pathOf(items) {
  const kind = items.constructor.name;
  if (kind === "Databases") return [];
  if (kind === "Collections") return [items._parent.read().id];
  if (kind !== "Documents") return undefined;
  const container = items._parent.read();
  return [items._parent.databaseId, container.id];
}

/** Does one change again, on the raw operations the journal is not watching. */
function apply(account, change, raw) {
  const items = itemsAt(account, change.path);
  const { id } = change.put || change.drop;
  const partition = items._getPartition(change.put || change.drop);
  // A put over an older version first forgets it: its unique keys may have been others.
  if (items._item("/id", id, partition).read()) raw.delete.call(items, id, partition);
  if (change.put) raw.set.call(items, change.put);
  items._ridCount = Math.max(items._ridCount, change.count);
}

function* snapshot(account) {
  const put = (items, item) => ({ path: pathOf(items), count: items._ridCount, put: item.read() });
  for (const database of account.databases._data.values()) {
    yield put(account.databases, database);
    for (const container of database.collections._data.values()) {
      yield put(database.collections, container);
      for (const document of container.documents._data.values()) yield put(container.documents, document);
    }
  }
}

/** Replaces the file by the shortest one with the same meaning; a crash or an error leaves the old one. */
function compact(file, account) {
  const fresh = `${file}.new`;
  try {
    fs.rmSync(fresh, { force: true });
    const journal = new JournalFile(fresh);
    for (const change of snapshot(account)) journal.append(JSON.stringify([change]));
    journal.close();
    fs.renameSync(fresh, file);
  } catch (error) {
    console.error(`cosmos: the journal stays as long as it is: ${error.message}`);
  }
}

module.exports = { readChanges, pathOf, apply, compact };
