"use strict";
/**
 * The journal beside Azurite's metadata: what has changed since its file was last written.
 *
 * When Azurite answers, the bytes of a blob are on the disk. But it keeps the list of blobs in memory
 * (LokiJS) and writes it only every five seconds. Here each change is on the disk before an answer
 * leaves. `FILE.journal-N` gets one line for all changes since the last line, because Azurite replaces
 * a blob by removing and inserting it, and a kill must not leave it between the two. A change is
 * `{collection, put}` with the whole record, or `{collection, drop}` with its number; doing one
 * twice does no harm. A save begins a new journal and, once it is whole, removes the older ones.
 */
const fs = require("fs");
const path = require("path");
const { JournalFile, readLines } = require("./journal_file");

const open = new Set(); // the journals of this process: Azurite has one file of blobs, one of extents

class Journal {
  constructor(file) {
    this._prefix = `${file}.journal-`;
    this._pending = [];
    this._current = undefined;
    open.add(this);
  }

  note(change) {
    this._pending.push(JSON.stringify(change)); // now: Azurite may go on to change the record
  }

  /** Brings to the disk what was noted; throws if it takes no more, and tries again next time. */
  flush() {
    if (!this._pending.length) return;
    this._current ??= new JournalFile(`${this._prefix}${this._next()}`);
    this._current.append(`[${this._pending.join(",")}]`);
    this._pending = [];
  }

  /** Begins a new journal; what removes the older ones, for when the metadata is saved. */
  rotate() {
    const older = this._files(); // what is still pending goes into the new one, in its order
    this._current?.close();
    this._current = undefined;
    return () => older.forEach((file) => fs.rmSync(file, { force: true }));
  }

  /** Every change that the file of metadata may lack, oldest first. */
  changes() {
    return this._files().flatMap((file) => readLines(file).flatMap((line, index) => parsed(line, file, index)));
  }

  _numbers() {
    const [folder, name] = [path.dirname(this._prefix), path.basename(this._prefix)];
    const mine = fs.readdirSync(folder).filter((file) => file.startsWith(name));
    return mine.map((file) => Number(file.slice(name.length))).sort((a, b) => a - b);
  }

  _files() {
    return this._numbers().map((number) => `${this._prefix}${number}`);
  }

  _next() {
    return (this._numbers().at(-1) ?? 0) + 1;
  }
}

function parsed(line, file, index) {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`${file}: line ${index + 1} is not a journal entry`);
  }
}

/** Notes what changes in the collections of LokiJS, by their four ways to change. */
function watch(collections) {
  const { insertOne, update, remove, removeBatchByPositions } = collections;
  const put = (collection, record) => collection.journal?.note({ collection: collection.name, put: record });
  const drop = (collection, number) => collection.journal?.note({ collection: collection.name, drop: number });
  Object.assign(collections, {
    insertOne(...given) {
      const made = insertOne.apply(this, given);
      put(this, made);
      return made;
    },
    update(record) {
      const made = update.call(this, record);
      if (!Array.isArray(record)) put(this, made); // of several, each comes here by itself
      return made;
    },
    remove(record) {
      const number = typeof record === "number" ? record : record.$loki;
      const gone = remove.call(this, record);
      if (gone) drop(this, number); // several go by their positions
      return gone;
    },
    removeBatchByPositions(positions) {
      const numbers = positions.map((position) => this.data[position].$loki);
      const gone = removeBatchByPositions.call(this, positions);
      numbers.forEach((number) => drop(this, number));
      return gone;
    },
  });
}

/** Does changes again in a database that was just read. */
function replay(database, changes) {
  const touched = new Map();
  for (const { collection: name, put, drop } of changes) {
    const collection = database.getCollection(name);
    if (!touched.has(name)) touched.set(name, new Map(collection.data.map((record) => [record.$loki, record])));
    if (put) touched.get(name).set(put.$loki, put);
    else touched.get(name).delete(drop);
    collection.maxId = Math.max(collection.maxId, put?.$loki ?? drop);
  }
  for (const [name, records] of touched) {
    const collection = database.getCollection(name);
    collection.data = [...records.values()].sort((a, b) => a.$loki - b.$loki);
    collection.idIndex = null;
    collection.ensureId();
    collection.constraints.unique = {};
    collection.uniqueNames.forEach((field) => collection.ensureUniqueIndex(field));
    collection.ensureAllIndexes(true);
    collection.dirty = true;
  }
}

/** Reads and writes the journal where LokiJS reads and writes its file. */
function persist(Loki) {
  const { addCollection, loadDatabaseInternal, saveDatabaseInternal } = Loki.prototype;
  Object.assign(Loki.prototype, {
    addCollection(...given) {
      const made = addCollection.apply(this, given);
      if (this.persistenceMethod === "fs") {
        if (!this.journal) hidden(this, new Journal(this.filename));
        hidden(made, this.journal);
      }
      return made;
    },
    loadDatabaseInternal(options, callback) {
      loadDatabaseInternal.call(this, options, (error) => {
        try {
          if (!error && this.journal) replay(this, this.journal.changes());
          callback(error);
        } catch (damage) {
          callback(damage);
        }
      });
    },
    saveDatabaseInternal(callback) {
      const saved = this.journal?.rotate(); // what is saved is taken from memory within this call
      saveDatabaseInternal.call(this, (error) => {
        if (!error) saved?.();
        callback?.(error);
      });
    },
  });
}

/** Gives an object of LokiJS its journal, where no save writes it out. */
function hidden(owner, journal) {
  Object.defineProperty(owner, "journal", { value: journal, configurable: true });
}

/** No answer leaves before what it says is on the disk; where that fails, a change gets none. */
function answer(responses) {
  const { writeHead } = responses;
  responses.writeHead = function (...given) {
    try {
      open.forEach((journal) => journal.flush());
    } catch (error) {
      console.error(`azurite: a write is not on the disk: ${error.message}`);
      if (!["GET", "HEAD"].includes(this.req.method)) this.destroy(); // clients try again
    }
    return writeHead.apply(this, given);
  };
}

/** Puts it all in place. Call before Azurite is loaded. */
function keep(Loki, ServerResponse) {
  watch(Object.getPrototypeOf(new Loki("", { persistenceMethod: "memory" }).addCollection("")));
  persist(Loki);
  answer(ServerResponse.prototype);
}

module.exports = { Journal, keep };
