// The browser script of the docs page: reads openapi.json and renders one section per tag and one row per route. All
// text is inserted as text nodes, never as HTML. It is a string because its exact bytes are hashed for the page's
// Content-Security-Policy.

/** The source text of the script. */
export const docsPageScript = String.raw`
'use strict';
const byId = (id) => document.getElementById(id);

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

let api;
function resolve(schema, depth = 0) {
  if (!schema || !schema.$ref || depth > 10) return schema || {};
  const found = schema.$ref.replace(/^#\//, '').split('/').reduce(
    (node, key) => node && node[decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~')], api);
  return resolve(found, depth + 1);
}

function typeName(given) {
  const schema = resolve(given);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const branches = schema.anyOf || schema.oneOf;
  if (branches) return branches.map(typeName).join(' | ');
  const types = [].concat(schema.type || 'any').map((type) =>
    type === 'array' ? 'array of ' + typeName(schema.items) : type);
  return types.join(' | ') + (schema.format ? ' (' + schema.format + ')' : '');
}

// Text between backticks is code.
function prose(text) {
  return String(text || '').split('\x60').map((part, index) => index % 2 === 1 ? make('code', {}, part) : part);
}

function limits(schema) {
  const said = [];
  const maximum = schema.maximum < Number.MAX_SAFE_INTEGER ? schema.maximum : undefined;
  if (maximum !== undefined) said.push((schema.minimum ?? '\u2026') + ' to ' + maximum);
  else if (schema.minimum !== undefined) said.push('from ' + schema.minimum);
  if (schema.maxLength !== undefined) said.push((schema.minLength || 0) + ' to ' + schema.maxLength + ' characters');
  if (schema.default !== undefined) said.push('default ' + JSON.stringify(schema.default));
  return said.length > 0 ? make('span', { class: 'quiet' }, ' ' + said.join(', ')) : undefined;
}

function field(name, given, needed, depth) {
  const schema = resolve(given);
  const words = given.description || schema.description;
  const inner = schema.type && [].concat(schema.type).includes('array') ? resolve(schema.items) : schema;
  return [
    make('dt', {}, make('code', {}, name), ' ', make('span', { class: 'quiet' }, typeName(given)),
      needed ? make('span', { class: 'needed' }, ' required') : undefined),
    make('dd', {}, ...prose(words), limits(schema), depth < 6 && inner.properties ? properties(inner, depth + 1) : undefined),
  ];
}

function properties(given, depth = 0) {
  const schema = resolve(given);
  const branches = (schema.anyOf || schema.oneOf || []).map((branch) => resolve(branch));
  if (branches.some((branch) => branch.properties))
    return make('div', {}, ...branches.flatMap((branch, index) => [
      make('p', {}, index > 0 ? 'or ' : '', make('strong', {}, branch.title || typeName(branch)), ' ', ...prose(branch.description)),
      branch.properties ? properties(branch, depth) : undefined,
    ]));
  const inner = schema.type === 'array' ? resolve(schema.items) : schema;
  if (!inner.properties) return make('p', {}, typeName(given));
  const list = make('dl', { class: 'schema' });
  for (const [name, child] of Object.entries(inner.properties))
    list.append(...field(name, child, (inner.required || []).includes(name), depth));
  return list;
}

function example(given, name, depth = 0) {
  const schema = resolve(given);
  if (schema.examples) return schema.examples[0];
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf || schema.oneOf) return example((schema.anyOf || schema.oneOf)[0], name, depth + 1);
  const type = [].concat(schema.type || 'object')[0];
  if (type === 'string') return name || 'text';
  if (type === 'integer' || type === 'number') return schema.minimum || 1;
  if (type === 'boolean') return true;
  if (type === 'array') return depth > 4 ? [] : [example(schema.items, name, depth + 1)];
  if (type === 'null') return null;
  const made = {};
  if (depth < 5)
    for (const key of schema.required || []) made[key] = example((schema.properties || {})[key], key, depth + 1);
  return made;
}

function quote(text) {
  return "'" + text.replaceAll("'", "'\\''") + "'";
}

function isOpen(operation) {
  return Boolean(operation.security) && operation.security.length === 0;
}

function curl(method, path, operation, body) {
  const lines = ['curl ' + (method === 'GET' ? '' : '-X ' + method + ' ') + location.origin + path.replace(/[{](\w+)[}]/g, (_, name) => name.toUpperCase())];
  if (!isOpen(operation)) lines.push('-H "Authorization: Bearer $CODEBUDDY_API_KEY"');
  if (body) lines.push("-H 'Content-Type: application/json'", '-d ' + quote(JSON.stringify(example(body))));
  return lines.join(' \\\n  ');
}

function copyable(text) {
  const button = make('button', { type: 'button' }, 'Copy');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Press Ctrl+C';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
  return make('div', { class: 'example' }, make('pre', {}, make('code', {}, text)), button);
}

function details(method, path, operation) {
  const body = operation.requestBody && resolve(operation.requestBody).content['application/json']?.schema;
  const box = make('div', {});
  if (operation.description) box.append(make('p', {}, ...prose(operation.description)));
  const scope = operation['x-scope'];
  if (isOpen(operation)) box.append(make('p', { class: 'quiet' }, 'Needs no API key.'));
  else if (scope) box.append(make('p', { class: 'quiet' }, 'Requires an API key with the scope ', make('code', {}, scope), '.'));
  box.append(make('h3', {}, 'Example'), copyable(curl(method, path, operation, body)));
  const parameters = (operation.parameters || []).map((parameter) => resolve(parameter));
  for (const [place, title] of [['path', 'Path parameters'], ['query', 'Query parameters'], ['header', 'Headers']]) {
    const here = parameters.filter((parameter) => parameter.in === place);
    if (here.length === 0) continue;
    const list = make('dl', { class: 'schema' });
    for (const { name, schema, required, description } of here)
      list.append(...field(name, { description, ...schema }, required, 1));
    box.append(make('h3', {}, title), list);
  }
  if (body) box.append(make('h3', {}, 'Body'), properties(body));
  for (const [status, given] of Object.entries(operation.responses || {})) {
    const response = resolve(given);
    const [type, media] = Object.entries(response.content || {})[0] || [];
    if (!/^[123]/.test(status)) continue;
    box.append(make('h3', {}, 'Response ' + status), make('p', {}, ...prose(response.description), type ? make('span', { class: 'quiet' }, ' ' + type) : undefined));
    if (media && media.schema && status !== '204') box.append(properties(media.schema));
  }
  box.append(make('p', { class: 'quiet' }, 'Errors are ', make('a', { href: '#problems' }, 'problems'), '.'));
  return box;
}

function route(method, path, operation) {
  const box = make('details', { class: 'route', id: operation.operationId || method + path, 'data-search': '' },
    make('summary', {}, make('span', { class: 'method ' + method }, method), make('code', {}, path),
      make('span', { class: 'words' }, ...prose(operation.summary))));
  // Rendered when first opened, to keep a long page fast.
  box.addEventListener('toggle', () => { if (box.open && box.children.length === 1) box.append(details(method, path, operation)); });
  return box;
}

function tagOf(path, operation) {
  return (operation.tags && operation.tags[0]) || path.replace(/^\/api(?=\/)/, '').split('/')[1] || 'server';
}

function draw() {
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths))
    for (const [method, operation] of Object.entries(item)) {
      if (!['get', 'post', 'put', 'patch', 'delete'].includes(method)) continue;
      const tag = tagOf(path, operation);
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(route(method.toUpperCase(), path, operation));
    }
  // Sections with a single GET route are merged into one.
  const acts = new Set(Object.entries(api.paths).flatMap(([path, item]) => (item.get ? [] : Object.values(item).map((operation) => tagOf(path, operation)))));
  const lone = [...groups].filter(([tag, routes]) => routes.length === 1 && !acts.has(tag));
  for (const [tag] of lone) groups.delete(tag);
  if (lone.length > 0) groups.set('server', [...(groups.get('server') || []), ...lone.flatMap(([, routes]) => routes)]);
  const links = [];
  const sections = [...groups].map(([tag, routes]) => {
    const id = 'tag-' + tag.replace(/\W+/g, '-');
    links.push(make('li', {}, make('a', { href: '#' + id }, tag)));
    return make('section', { id, 'aria-labelledby': id + '-title' }, make('h2', { id: id + '-title' }, tag), ...routes);
  });
  byId('sections').prepend(...links);
  byId('routes').replaceChildren(...sections);
}

function search() {
  const words = byId('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const node of document.querySelectorAll('[data-search]')) {
    const text = (node.querySelector('summary') || node).textContent.toLowerCase();
    node.hidden = !words.every((word) => text.includes(word));
    if (!node.hidden) found++;
  }
  for (const section of document.querySelectorAll('main section'))
    section.hidden = words.length > 0 && !section.querySelector('[data-search]:not([hidden])');
  byId('found').textContent = words.length > 0 ? found + (found === 1 ? ' match' : ' matches') : '';
}

function openTarget() {
  const target = byId(decodeURIComponent(location.hash.slice(1)));
  if (target && target.matches('details')) target.open = true;
  if (target) target.scrollIntoView();
}

byId('search').addEventListener('input', search);
addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input')) return;
  event.preventDefault();
  byId('search').focus();
});
addEventListener('hashchange', openTarget);

fetch('openapi.json').then((response) => {
  if (!response.ok) throw new Error('the server answered ' + response.status);
  return response.json();
}).then((document) => {
  api = document;
  draw();
  search();
  openTarget();
}).catch((error) => {
  byId('routes').replaceChildren(make('p', { role: 'alert' }, 'Failed to load the routes: ' + error.message));
});
`;
