// Checks every regular expression in src/ for catastrophic backtracking (ReDoS) with recheck, and fails on each one
// that is not linear. Regular expressions are found by the TypeScript compiler: literals, `RegExp(...)`, strings passed
// to `match`, `matchAll` and `search`, and `pattern` in JSON Schemas. An exception needs a comment in the line above:
// `// redos: REASON`.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from 'recheck';
import ts from 'typescript';

export interface Finding {
  /** `src/http/pipeline/parse-body.ts:63` */
  readonly place: string;
  readonly regex: string;
  readonly problem: string;
}

interface Found {
  readonly node: ts.Node;
  /** Undefined if the source is not a constant. */
  readonly source: string | undefined;
  readonly flags: string;
}

/** All findings for the TypeScript files below `folder`, and how many distinct expressions were checked. */
export async function checkRegexes(
  folder: string,
): Promise<{ readonly findings: readonly Finding[]; readonly checked: number }> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .sort();
  const verdicts = new Map<string, Promise<string | undefined>>();
  const findings: Finding[] = [];
  for (const name of files) {
    const path = join(folder, name);
    const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
    for (const { node, source, flags } of regexesIn(file)) {
      if (hasReason(file, node)) continue;
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      const place = `${relative(join(folder, '..'), path)}:${line + 1}`;
      const regex = source === undefined ? node.getText(file) : `/${source}/${flags}`;
      let verdict = verdicts.get(regex);
      if (verdict === undefined || source === undefined) {
        verdict = source === undefined ? Promise.resolve(notConstant) : judge(source, flags);
        verdicts.set(regex, verdict);
      }
      const problem = await verdict;
      if (problem !== undefined) findings.push({ place, regex, problem });
    }
  }
  return { findings, checked: verdicts.size };
}

const notConstant = 'is not a constant, so it cannot be checked';

async function judge(source: string, flags: string): Promise<string | undefined> {
  const diagnostics = await check(source, flags, { timeout: 60_000 });
  if (diagnostics.status === 'safe') return undefined;
  if (diagnostics.status === 'unknown') return `could not be checked: ${diagnostics.error.kind}`;
  return `is ${diagnostics.complexity.summary} for ${diagnostics.attack.pattern}`;
}

function regexesIn(file: ts.SourceFile): readonly Found[] {
  const constants = new Map<string, ts.Expression>();
  const found: Found[] = [];
  const collect = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer !== undefined)
      constants.set(node.name.text, node.initializer);
    ts.forEachChild(node, collect);
  };
  const visit = (node: ts.Node): void => {
    const one = regexAt(node, constants);
    if (one !== undefined) found.push(one);
    ts.forEachChild(node, visit);
  };
  collect(file);
  visit(file);
  return found;
}

type Constants = ReadonlyMap<string, ts.Expression>;

function regexAt(node: ts.Node, constants: Constants): Found | undefined {
  if (ts.isRegularExpressionLiteral(node)) return { node, ...splitLiteral(node.text) };
  if (
    (ts.isNewExpression(node) || ts.isCallExpression(node)) &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === 'RegExp'
  ) {
    const [source, flags] = node.arguments ?? [];
    return {
      node,
      source: source === undefined ? '' : textOf(source, constants),
      flags: flags === undefined ? '' : (textOf(flags, constants) ?? ''),
    };
  }
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const [first] = node.arguments;
    const isText = first !== undefined && (ts.isStringLiteralLike(first) || ts.isTemplateExpression(first));
    if (isText && ['match', 'matchAll', 'search'].includes(node.expression.name.text))
      return { node, source: textOf(first, constants), flags: '' };
  }
  // Ajv compiles `pattern` with the flag u.
  if (
    ts.isPropertyAssignment(node) &&
    (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name)) &&
    node.name.text === 'pattern'
  ) {
    const source = textOf(node.initializer, constants);
    if (source !== undefined) return { node, source, flags: 'u' };
  }
  return undefined;
}

/** The value of a constant string expression: literals, templates, `+`, constants of the same file, `regex.source`. */
function textOf(node: ts.Expression, constants: Constants, depth = 0): string | undefined {
  if (depth > 20) return undefined;
  const read = (part: ts.Expression): string | undefined => textOf(part, constants, depth + 1);
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node))
    return read(node.expression);
  if (ts.isIdentifier(node)) {
    const value = constants.get(node.text);
    return value === undefined ? undefined : read(value);
  }
  if (ts.isPropertyAccessExpression(node) && node.name.text === 'source') {
    const regex = ts.isIdentifier(node.expression) ? constants.get(node.expression.text) : node.expression;
    return regex !== undefined && ts.isRegularExpressionLiteral(regex)
      ? splitLiteral(regex.text).source
      : undefined;
  }
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const [left, right] = [read(node.left), read(node.right)];
    return left === undefined || right === undefined ? undefined : left + right;
  }
  if (ts.isTemplateExpression(node)) return joined(node, ({ text }) => text, read);
  if (ts.isTaggedTemplateExpression(node) && node.tag.getText() === 'String.raw') {
    const { template } = node;
    return ts.isTemplateExpression(template)
      ? joined(template, ({ rawText }) => rawText, read)
      : template.rawText;
  }
  return undefined;
}

/** The text of a template with the values in it. */
function joined(
  { head, templateSpans }: ts.TemplateExpression,
  written: (literal: ts.TemplateLiteralToken) => string | undefined,
  read: (part: ts.Expression) => string | undefined,
): string | undefined {
  const parts = [
    written(head),
    ...templateSpans.flatMap((span) => [read(span.expression), written(span.literal)]),
  ];
  return parts.includes(undefined) ? undefined : parts.join('');
}

function splitLiteral(text: string): { readonly source: string; readonly flags: string } {
  const end = text.lastIndexOf('/');
  return { source: text.slice(1, end), flags: text.slice(end + 1) };
}

/** `// redos: REASON` in the line above the expression, or above the statement that holds it. */
function hasReason(file: ts.SourceFile, node: ts.Node): boolean {
  const lines = file.text.split('\n');
  const isReason = (start: number): boolean => {
    const { line } = file.getLineAndCharacterOfPosition(start);
    return /^\s*\/\/ redos: \S/.test(lines[line - 1] ?? '');
  };
  if (isReason(node.getStart(file))) return true;
  let statement: ts.Node = node;
  while (statement.parent !== undefined && !ts.isStatement(statement)) statement = statement.parent;
  return ts.isStatement(statement) && !ts.isBlock(statement) && isReason(statement.getStart(file));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2] ?? fileURLToPath(new URL('../src', import.meta.url));
  const { findings, checked } = await checkRegexes(folder);
  for (const { place, regex, problem } of findings) console.error(`${place}: ${regex} ${problem}`);
  console.log(`${checked} regular expressions checked, ${findings.length} not safe`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
