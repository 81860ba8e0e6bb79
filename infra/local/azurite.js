"use strict";
/**
 * Azurite's blob service, which keeps everything that it acknowledged (azurite_journal.js).
 *
 *   node infra/local/azurite.js OPTIONS      the options of Azurite's own blob service
 */
const path = require("path");
const { keep } = require("./azurite_journal");

keep(require("lokijs"), require("http").ServerResponse);
require(path.join(path.dirname(require.resolve("azurite/package.json")), "dist/src/blob/main.js"));
