// Validates pipeline files with Microsoft's language service for Azure Pipelines.
//   node pipeline_lint.js SCHEMA.json < {"file": "text", ...}
// Prints {"file": ["line:column message", ...], ...}; the schema is the published one.
'use strict';

const fs = require('fs');

// The service says on standard output what it parses: only the answer belongs there.
console.log = () => {};
const service = require('azure-pipelines-language-service');
const { TextDocument } = require('vscode-languageserver-textdocument');

const SCHEMA_URI = 'file:///schema.json';

async function validate(language, file, text) {
  const document = TextDocument.create(`file:///${file}`, 'azure-pipelines', 1, text);
  const found = await language.doValidation(document, service.parse(text));
  return found.map(({ range: { start }, message }) =>
    `${start.line + 1}:${start.character + 1} ${message.split('\n')[0].slice(0, 200)}`);
}

async function main() {
  const schema = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
  const files = JSON.parse(fs.readFileSync(0, 'utf8'));
  const language = service.getLanguageService(
    async () => schema, [], async () => SCHEMA_URI, { resolveRelativePath: (path) => path });
  language.configure({ validate: true, schemas: [{ uri: SCHEMA_URI, fileMatch: ['*'], schema }] });
  const answer = {};
  for (const [file, text] of Object.entries(files)) {
    answer[file] = await validate(language, file, text);
  }
  process.stdout.write(JSON.stringify(answer));
}

main().catch((error) => {
  console.error(error);
  process.exit(2);
});
