// The part of the docs page's script that writes sample requests, in curl, TypeScript and Python, and sample answers. They
// are made from the schemas, so that they can be pasted for every route.

/** The source text of functions that docs-page-script.ts calls. */
export const docsPageSamples = String.raw`
// Values that work, for fields without an example in the schema.
const sampleTexts = { url: 'https:/' + '/example.org/hook', prompt: 'list *.md', response: 'README.md', model: 'offline', name: 'example', finishReason: 'stop' };

function sampleText(name) {
  return sampleTexts[name] || name || 'text';
}

function example(given, name, depth = 0) {
  const schema = resolve(given);
  if (schema.examples) return schema.examples[0];
  if (schema.example !== undefined) return schema.example;
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf || schema.oneOf) return example((schema.anyOf || schema.oneOf)[0], name, depth + 1);
  const type = [].concat(schema.type || 'object')[0];
  if (schema.format === 'date-time') return '2026-11-30T12:00:00.000Z';
  if (type === 'string') return sampleText(name);
  if (type === 'integer' || type === 'number') return schema.minimum || 1;
  if (type === 'boolean') return true;
  if (type === 'array') return depth > 4 ? [] : [example(schema.items, name, depth + 1)];
  if (type === 'null') return null;
  const made = {};
  if (depth < 5)
    for (const key of schema.required || []) made[key] = example((schema.properties || {})[key], key, depth + 1);
  return made;
}

function isOpen(operation) {
  return Boolean(operation.security) && operation.security.length === 0;
}

function sampleUrl(path) {
  return location.origin + path.replace(/[{](\w+)[}]/g, (_, name) => name.toUpperCase());
}

function shellQuote(text) {
  return "'" + text.replaceAll("'", "'\\''") + "'";
}

function inPython(value) {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null) return 'None';
  if (Array.isArray(value)) return '[' + value.map((item) => inPython(item)).join(', ') + ']';
  if (typeof value !== 'object') return JSON.stringify(value);
  return '{' + Object.entries(value).map(([key, item]) => JSON.stringify(key) + ': ' + inPython(item)).join(', ') + '}';
}

const samples = {
  curl(method, path, operation, body) {
    const lines = ['curl -sS ' + (method === 'GET' ? '' : '-X ' + method + ' ') + shellQuote(sampleUrl(path))];
    if (!isOpen(operation)) lines.push('-H "Authorization: Bearer $CODEBUDDY_API_KEY"');
    if (body) lines.push("-H 'Content-Type: application/json'", '-d ' + shellQuote(JSON.stringify(example(body))));
    return lines.join(' \\\n  ');
  },
  TypeScript(method, path, operation, body) {
    const headers = [];
    if (!isOpen(operation)) headers.push("    Authorization: 'Bearer ' + process.env.CODEBUDDY_API_KEY,");
    if (body) headers.push("    'Content-Type': 'application/json',");
    const options = [];
    if (method !== 'GET') options.push("  method: '" + method + "',");
    if (headers.length > 0) options.push('  headers: {', ...headers, '  },');
    if (body) options.push('  body: JSON.stringify(' + JSON.stringify(example(body), null, 2).replaceAll('\n', '\n  ') + '),');
    const url = JSON.stringify(sampleUrl(path));
    return [
      'const response = await fetch(' + url + (options.length > 0 ? ', {\n' + options.join('\n') + '\n}' : '') + ');',
      'if (!response.ok) throw new Error(await response.text());',
      'console.log(await response.text());',
      'export {};',
    ].join('\n');
  },
  Python(method, path, operation, body) {
    const headers = [];
    if (!isOpen(operation)) headers.push('        "Authorization": "Bearer " + os.environ["CODEBUDDY_API_KEY"],');
    if (body) headers.push('        "Content-Type": "application/json",');
    return [
      'import json',
      'import os',
      'import urllib.request',
      '',
      'request = urllib.request.Request(',
      '    ' + JSON.stringify(sampleUrl(path)) + ',',
      '    method=' + JSON.stringify(method) + ',',
      ...(headers.length > 0 ? ['    headers={', ...headers, '    },'] : []),
      ...(body ? ['    data=json.dumps(' + inPython(example(body)) + ').encode(),'] : []),
      ')',
      'with urllib.request.urlopen(request) as response:',
      '    print(response.read().decode())',
    ].join('\n');
  },
};
`;
