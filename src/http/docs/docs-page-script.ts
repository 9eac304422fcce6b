// The browser script of the docs page: reads openapi.json and renders one section per tag and one row per route. All
// text is inserted as text nodes, never as HTML. It is a string because its exact bytes are hashed for the page's
// Content-Security-Policy.

import { docsPageSamples } from './docs-page-samples.ts';
import { docsPageTry } from './docs-page-try.ts';

const reference = String.raw`
'use strict';
const byId = (id) => document.getElementById(id);

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

let api;
const operations = new Map();
const texts = new Map();

// The words of a value of openapi.json, with what it refers to: texts, and the names of fields.
function wordsOf(value, seen) {
  if (typeof value === 'string') return value;
  if (!value || typeof value !== 'object' || seen.has(value)) return '';
  seen.add(value);
  if (value.$ref) return wordsOf(resolve(value), seen);
  return Object.entries(value).map(([key, child]) => key + ' ' + wordsOf(child, seen)).join(' ');
}

// What a search looks at: all that an open route shows, or the text of the row.
function textOf(node) {
  if (!texts.has(node)) {
    const operation = operations.get(node);
    texts.set(node, (operation ? wordsOf(operation, new Set()) : node.textContent).toLowerCase());
  }
  return texts.get(node);
}

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
  else if (scope && !/Requires an API key/.test(operation.description || '')) box.append(make('p', { class: 'quiet' }, 'Requires an API key with the scope ', make('code', {}, scope), '.'));
  box.append(make('h3', {}, 'Example'), ...sampleTabs(method, path, operation, body));
  const trial = make('details', { class: 'more' }, make('summary', {}, 'Try it'));
  trial.addEventListener('toggle', () => { if (trial.open && trial.children.length === 1) trial.append(tryIt(method, path, operation, body)); });
  box.append(trial);
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
    if (!media || !media.schema || status === '204') continue;
    box.append(properties(media.schema));
    if (type === 'application/json')
      box.append(make('details', { class: 'more' }, make('summary', {}, 'Sample'), copyable(JSON.stringify(example(media.schema), null, 2))));
  }
  box.append(...errors(operation));
  return box;
}

// Each error response describes its codes in paragraphs such as "code: When it is sent."
function errors(operation) {
  const rows = [];
  for (const [status, given] of Object.entries(operation.responses || {})) {
    if (!/^[45]/.test(status)) continue;
    for (const paragraph of String(resolve(given).description || '').split('\n\n')) {
      const [, code, when] = /^\x60(\w+)\x60: ([\s\S]*)$/.exec(paragraph) || [];
      if (code) rows.push(make('dt', {}, make('a', { href: '#problem-' + code }, make('code', {}, code)), ' ', make('span', { class: 'mark' }, status)), make('dd', {}, ...prose(when)));
    }
  }
  if (rows.length === 0) return [];
  return [make('h3', {}, 'Errors'), make('details', { class: 'more' },
    make('summary', {}, rows.length / 2 + ' codes, each a problem'), make('dl', { class: 'schema' }, ...rows))];
}

const languageKey = 'codebuddy.docs-language';
let language = 'curl';
try {
  language = localStorage.getItem(languageKey) || language;
} catch {}

// One button for each language; the choice holds for all routes.
function sampleTabs(method, path, operation, body) {
  const place = make('div', {});
  const buttons = Object.keys(samples).map((name) => {
    const button = make('button', { type: 'button', class: 'tab' }, name);
    button.addEventListener('click', () => {
      language = name;
      try {
        localStorage.setItem(languageKey, name);
      } catch {}
      show();
    });
    return button;
  });
  const show = () => {
    const chosen = samples[language] ? language : 'curl';
    for (const button of buttons) button.setAttribute('aria-pressed', String(button.textContent === chosen));
    place.replaceChildren(copyable(samples[chosen](method, path, operation, body)));
  };
  show();
  return [make('div', { class: 'tabs', role: 'group', 'aria-label': 'Language' }, ...buttons), place];
}

function route(method, path, operation) {
  const id = operation.operationId || method + path;
  const box = make('details', { class: 'route', id, 'data-search': '' },
    make('summary', {}, make('span', { class: 'method ' + method }, method), make('code', {}, path),
      make('span', { class: 'words' }, ...prose(operation.summary)),
      make('a', { class: 'link', href: '#' + encodeURIComponent(id), 'aria-label': 'Link to ' + method + ' ' + path }, '#')));
  operations.set(box, [method, path, operation]);
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
    const text = words.length > 0 ? textOf(node) : '';
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

/** The source text of the script. */
export const docsPageScript = reference + docsPageSamples + docsPageTry;
