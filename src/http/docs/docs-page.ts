// The docs page (`GET /docs`): one HTML page that loads nothing from other servers. Problems and events are in its
// HTML; the browser renders the routes from /openapi.json. The policy allows style and script by their hashes only, so
// injected code cannot run.

import { createHash } from 'node:crypto';
import { problems } from '../../base/errors.ts';
import { catalogue, deltas } from '../../contract/event-catalogue.ts';
import type { HttpContext } from '../context.ts';
import { docsPageScript } from './docs-page-script.ts';
import { docsPageStyle } from './docs-page-style.ts';

const contentSecurityPolicy = [
  "default-src 'none'",
  "connect-src 'self'",
  `style-src ${hashOf(docsPageStyle)}`,
  `script-src ${hashOf(docsPageScript)}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Returns the page and the Content-Security-Policy to send with it. */
export function docsPage({ name, version }: Pick<HttpContext, 'name' | 'version'>): {
  readonly html: string;
  readonly contentSecurityPolicy: string;
} {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(name)} reference</title>
<style>${docsPageStyle}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the routes</a>
<header>
<h1>${escapeHtml(name)} <small>${escapeHtml(version)}</small></h1>
<label class="search"><span class="unseen">Search routes, problems and events</span>
<input id="search" type="search" placeholder="Search (press /)" autocomplete="off" spellcheck="false"></label>
</header>
<div class="columns">
<nav aria-label="Sections"><ul id="sections">
<li><a href="#problems">Problems</a></li>
<li><a href="#events">Event types</a></li>
</ul></nav>
<main id="content" tabindex="-1">
<p>JSON over HTTP. Send your API key as <code>Authorization: Bearer KEY</code> or <code>X-API-Key: KEY</code>. The machine-readable form of
this page is <a href="openapi.json">openapi.json</a>.</p>
<p id="found" class="quiet" role="status"></p>
<div id="routes"><p class="quiet">Loading the routes…</p><noscript><p>The list of routes requires JavaScript. openapi.json has the same content.</p></noscript></div>
<section id="problems" aria-labelledby="problems-title">
<h2 id="problems-title">Problems</h2>
<p>Every error is <code>application/problem+json</code> (RFC 9457). <code>code</code> is stable; <code>errors</code> names each invalid field.</p>
<dl class="rows">
${Object.entries(problems)
  .map(([code, { status, when }]) => row(code, String(status), when, [], `problem-${code}`))
  .join('\n')}
</dl>
</section>
<section id="events" aria-labelledby="events-title">
<h2 id="events-title">Event types</h2>
<p>The server logs every event once. Follow the log with <code>Accept: text/event-stream</code> on <code>GET /api/events</code>, and resume with
<code>Last-Event-ID</code>. <code>GET /api/event-types</code> has the schemas.</p>
<dl class="rows">
${Object.entries(catalogue)
  .map(([type, { description, data }]) => row(type, 'logged', description, Object.keys(data.properties)))
  .join('\n')}
${Object.entries(deltas)
  .map(([type, { description, data }]) => row(type, 'streamed', description, Object.keys(data.properties)))
  .join('\n')}
</dl>
</section>
</main>
</div>
<script>${docsPageScript}</script>
</body>
</html>
`;
  return { html, contentSecurityPolicy };
}

function row(name: string, mark: string, text: string, fields: readonly string[] = [], id = ''): string {
  const more = fields.length === 0 ? '' : ` <span class="quiet">Data: ${fields.map(code).join(', ')}</span>`;
  const anchor = id === '' ? '' : ` id="${escapeHtml(id)}"`;
  return `<div${anchor} data-search><dt>${code(name)} <span class="mark">${escapeHtml(mark)}</span></dt><dd>${escapeHtml(text)}${more}</dd></div>`;
}

function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
