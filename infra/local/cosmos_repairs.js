"use strict";
/**
 * Repairs @vercel/cosmosdb-server 1.0.1 from outside where it differs from the service. Each repair
 * replaces the default export of one of its modules before the server is built.
 */
const path = require("path");
const library = path.dirname(require.resolve("@vercel/cosmosdb-server"));
const load = (name) => require(path.join(library, name));
const key = (req) => JSON.parse(req.headers["x-ms-documentdb-partitionkey"] || "[]")[0];

const missing = (res) => {
  res.statusCode = 404;
  return { code: "NotFound", message: "Entity with the specified id does not exist in the system." };
};

/** Wraps the default export of a module: `wrapper(original)` is what its users get. */
function wrap(name, wrapper) {
  const module = load(name);
  module.default = wrapper(module.default);
}

/** Point read of a missing document: 404, not a TypeError. */
const read = (original) => (account, req, res, at) => {
  const container = account.database(at.dbId).collection(at.collId);
  const found = container.read() && container.document(at.docId, key(req)).read();
  return found ? original(account, req, res, at) : missing(res);
};

/** Create in a missing container: 404, not a TypeError. */
const create = (original) => (account, req, res, at) =>
  account.database(at.dbId).collection(at.collId).read() ? original(account, req, res, at) : missing(res);

/** A query with a partition key sees that partition only; the server ignores the key. */
const query = (original) => (account, req, res, at) => {
  const { documents } = account.database(at.dbId).collection(at.collId);
  if (key(req) === undefined) return original(account, req, res, at);
  req.headers["x-ms-documentdb-query-enablecrosspartition"] = "true"; // no key needed in the WHERE
  const partition = Object.create(documents);
  const mine = ([, item]) => documents._getPartition(item.read()) === key(req);
  partition._data = new Map([...documents._data].filter(mine));
  const view = { database: () => ({ collection: () => ({ documents: partition }) }) };
  return original(view, req, res, at);
};

/** A patch's filter predicate is asked of its own partition, as written; the server lowers its case. */
const patch = (original) => (account, req, res, at) => {
  const container = account.database(at.dbId).collection(at.collId);
  if (!container.read()) return missing(res);
  const [property] = container.documents._getPartitionKeyPath();
  req.completeCondition = (condition) => {
    const [, alias, clause] = /^\s*from\s+(\w+)\s+where\s+(.*)$/is.exec(condition) || [null, "c", condition];
    const own = `${alias}.id = @id AND ${alias}["${property}"] = ${JSON.stringify(key(req))}`;
    return `SELECT * FROM ${alias} WHERE ${own} AND (${clause})`;
  };
  return original(account, req, res, at);
};

/** A failed transactional batch changes nothing: `undo` takes back this request's changes. */
const batch = (undo) => (original) => async (account, req, res, at) => {
  let results;
  try {
    results = await original(account, req, res, at);
  } catch (error) {
    if (!error.answer) throw error;
    res.statusCode = error.answer.statusCode; // over a limit of the batch as a whole
    return error.answer.body;
  }
  if (req.headers["x-ms-cosmos-batch-continue-on-error"] === "True") return results;
  if (!Array.isArray(results)) {
    undo();
  } else if (results.some((result) => result.statusCode >= 400)) {
    undo();
    return results.map((result) => (result.statusCode < 400 ? { statusCode: 424, requestCharge: 0 } : result));
  }
  return results;
};

/** Request bodies: a batch has its limits, and its operations the request's key; see also `patch`. */
const json = (checkBatch) => (original) => async (req) => {
  const body = await original(req);
  if (Array.isArray(body) && req.method === "POST") {
    checkBatch(body);
    for (const operation of body) operation.partitionKey ??= req.headers["x-ms-documentdb-partitionkey"];
  } else if (req.completeCondition && body.condition) {
    body.condition = req.completeCondition(body.condition);
  }
  return body;
};

/** The account names its own address; the server says https whatever it serves. */
const account = (original) => (...parts) =>
  JSON.parse(JSON.stringify(original(...parts)).replaceAll("https://", "http://"));

/** Puts every repair in place. Call before the server's own entry module is loaded. */
function repair(undo, checkBatch) {
  wrap("json.js", json(checkBatch));
  wrap("handler/read-meta.js", account);
  wrap("handler/read-document.js", read);
  wrap("handler/create-document.js", create);
  wrap("handler/query-documents.js", query);
  wrap("handler/patch-document.js", patch);
  wrap("handler/batch-documents.js", batch(undo));
}

module.exports = { repair, load };
