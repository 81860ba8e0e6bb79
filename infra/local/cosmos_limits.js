"use strict";
/**
 * Adds the service's limits, which @vercel/cosmosdb-server does not have. A request that is refused
 * here would be refused by the service, too. https://learn.microsoft.com/azure/cosmos-db/concepts-limits
 */
const { load } = require("./cosmos_repairs");

const LIMITS = {
  document: 2_097_152, // bytes of JSON
  id: 1_023, // bytes
  partitionKey: 2_048, // bytes
  batch: 100, // operations; together no more bytes than a document
};

class LimitError extends Error {
  constructor(statusCode, code, message) {
    super(message);
    this.answer = { statusCode, body: { code, message } };
  }
}

const tooLarge = (message) => new LimitError(413, "RequestEntityTooLarge", message);
const bad = (message) => new LimitError(400, "BadRequest", message);
const bytes = (text) => Buffer.byteLength(text);

/** Throws a LimitError where the service would refuse a document. */
function check(document, partition) {
  const { id } = document;
  if (typeof id !== "string") throw bad("id is no text");
  if (/[/\\?#]/.test(id)) throw bad("id has one of the characters / \\ ? #");
  if (bytes(id) > LIMITS.id) throw bad(`id has ${bytes(id)} bytes, at most ${LIMITS.id} are allowed`);
  if (typeof partition === "string" && bytes(partition) > LIMITS.partitionKey) {
    const most = LIMITS.partitionKey;
    throw bad(`the partition key has ${bytes(partition)} bytes, at most ${most} are allowed`);
  }
  const size = bytes(JSON.stringify(document));
  if (size > LIMITS.document) {
    throw tooLarge(`the document has ${size} bytes, at most ${LIMITS.document} are allowed`);
  }
}

/** Throws a LimitError where the service would refuse a transactional batch as a whole. */
function checkBatch(operations) {
  if (operations.length > LIMITS.batch) {
    throw bad(`the batch has ${operations.length} operations, at most ${LIMITS.batch} are allowed`);
  }
  const size = bytes(JSON.stringify(operations));
  if (size > LIMITS.document) {
    throw tooLarge(`the batch has ${size} bytes, at most ${LIMITS.document} are allowed`);
  }
}

/** What an operation gives, or the answer of the limit that it goes over. */
const answered = (operation) => (...given) => {
  try {
    return operation(...given);
  } catch (error) {
    if (error instanceof LimitError) return error.answer;
    throw error;
  }
};

/** Puts every limit in place. Call before the server's own entry module is loaded. */
function limit() {
  const documents = load("account/documents.js").default.prototype;
  for (const name of ["create", "replace"]) {
    const original = documents[name];
    documents[name] = function (document, ...rest) {
      check(document, this._getPartition(document));
      return original.call(this, document, ...rest);
    };
  }
  for (const name of ["_document-operations.js", "_patch-operations.js"]) {
    const operations = load(`handler/${name}`);
    for (const one of Object.keys(operations)) {
      if (typeof operations[one] === "function") operations[one] = answered(operations[one]);
    }
  }
}

module.exports = { LIMITS, LimitError, checkBatch, limit };
