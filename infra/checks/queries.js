// Parses and binds Kusto queries with Microsoft's language service: a line of JSON in, one out.
//   node queries.js < {"scopes": {SCOPE: {"tables": {NAME: COLUMNS}, "functions": {NAME: COLUMNS}}},
//                      "queries": [{"scope": SCOPE, "text": TEXT}, ...]}
// COLUMNS is "name: type, ...". The answer is a list, one for each query, in their order:
//   {"diagnostics": ["line:column code: message", ...], "columns": {NAME: TYPE, ...},
//    "texts": every text literal, "keys": what is taken of customDimensions or Properties}
'use strict';

const readline = require('readline');

require('@kusto/language-service-next/bridge.js');
require('@kusto/language-service-next');
const { KustoCode, GlobalState, Symbols, Syntax } = globalThis.Kusto.Language;

const BAGS = new Set(['customDimensions', 'Properties']);

function list(found) {
  return Array.from({ length: found.Count }, (_, index) => found.getItem(index));
}

function globals(scope) {
  const members = Object.entries(scope.tables).map(([name, columns]) =>
    new Symbols.TableSymbol.$ctor7(name, `(${columns})`, null));
  for (const [name, columns] of Object.entries(scope.functions)) {
    const rows = new Symbols.TableSymbol.$ctor7(name, `(${columns})`, null);
    members.push(new Symbols.FunctionSymbol.$ctor5(name, rows, []));
  }
  const database = new Symbols.DatabaseSymbol.ctor('logs', members);
  return GlobalState.Default.WithDatabase(database);
}

function place(text, start) {
  const lines = text.slice(0, start).split('\n');
  return `${lines.length}:${lines[lines.length - 1].length + 1}`;
}

function literals(code) {
  const texts = [];
  const keys = [];
  Syntax.SyntaxElement.WalkNodes(code.Syntax, (node) => {
    if (node.Kind === Syntax.SyntaxKind.StringLiteralExpression) {
      texts.push(node.LiteralValue);
    }
    if (node.Kind === Syntax.SyntaxKind.ElementExpression && BAGS.has(node.Expression.toString().trim())) {
      keys.push(node.Selector.toString().trim().replace(/^\[\s*['"]|['"]\s*\]$/g, ''));
    }
    if (node.Kind === Syntax.SyntaxKind.PathExpression && BAGS.has(node.Expression.toString().trim())) {
      keys.push(node.Selector.toString().trim());
    }
  });
  return { texts, keys };
}

function answer({ text }, state) {
  const code = KustoCode.ParseAndAnalyze(text, state);
  const columns = code.ResultType && code.ResultType.Columns ? list(code.ResultType.Columns) : [];
  return {
    diagnostics: list(code.GetDiagnostics()).map((one) =>
      `${place(text, one.Start)} ${one.Code}: ${one.Message}`),
    columns: Object.fromEntries(columns.map((one) => [one.Name, one.Type.Name])),
    ...literals(code),
  };
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const asked = JSON.parse(line);
  const states = Object.fromEntries(
    Object.entries(asked.scopes).map(([name, scope]) => [name, globals(scope)]));
  const answers = asked.queries.map((one) => answer(one, states[one.scope]));
  process.stdout.write(`${JSON.stringify(answers)}\n`);
});
