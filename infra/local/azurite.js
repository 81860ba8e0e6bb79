"use strict";
/**
 * Azurite's blob service, which keeps everything that it acknowledged (azurite_journal.js).
 *
 *   node infra/local/azurite.js OPTIONS      the options of Azurite's own blob service
 */
const Module = require("module");
const path = require("path");
const { keep } = require("./azurite_journal");

keep(require("lokijs"), require("http").ServerResponse);

const azurite = path.dirname(require.resolve("azurite/package.json"));

// The stack never switches Azurite's telemetry on, and loading it takes two thirds of a start.
const telemetry = require.resolve("applicationinsights", { paths: [azurite] });
require.cache[telemetry] = Object.assign(new Module(telemetry), { loaded: true });

require(path.join(azurite, "dist/src/blob/main.js"));
