"use strict";
/**
 * Azurite's blob service, with nothing lost that it acknowledged (azurite_journal.js).
 *
 *   node infra/local/azurite.js OPTIONS      as Azurite's own blob service takes them
 */
const path = require("path");
const { keep } = require("./azurite_journal");

keep(require("lokijs"), require("http").ServerResponse);
require(path.join(path.dirname(require.resolve("azurite/package.json")), "dist/src/blob/main.js"));
