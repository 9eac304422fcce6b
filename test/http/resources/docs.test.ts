import { createHash } from 'node:crypto';
import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import { problems } from '../../../src/base/errors.ts';
import { catalogue } from '../../../src/contract/event-catalogue.ts';
import { apiKey, startServerWithStore, type TestResponse } from '../start-server-with-store.ts';

async function page(): Promise<{ html: string; policy: string }> {
  const { url } = await startServerWithStore();
  const response = await fetch(`${url}/docs`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  return { html: await response.text(), policy: response.headers.get('content-security-policy') ?? '' };
}

function inner(html: string, tag: 'script' | 'style'): string {
  const found = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(html);
  if (found === null) throw new Error(`No ${tag} in the page`);
  return found[1] as string;
}

test('the docs need no key and contain none', async () => {
  const { html } = await page();
  expect(html).not.toContain(apiKey);
  expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
});

test('the docs load nothing from other origins', async () => {
  const { html } = await page();
  expect(/https?:\/\/|["'(]\/\/|@import|\burl\(/i.exec(html)?.[0]).toBeUndefined();
  const targets = [...html.matchAll(/(?:src|href|action)="([^"]*)"/g)].map(([, target]) => target);
  expect(targets.every((target) => target?.startsWith('#') || target === 'openapi.json')).toBe(true);
  expect(html).not.toMatch(/ on[a-z]+=| style=/);
});

test('the content security policy allows exactly the style and the script of the page', async () => {
  const { html, policy } = await page();
  for (const tag of ['script', 'style'] as const) {
    const hash = createHash('sha256').update(inner(html, tag)).digest('base64');
    expect(policy).toContain(`${tag}-src 'sha256-${hash}'`);
    expect(html.match(new RegExp(`<${tag}>`, 'g'))).toHaveLength(1);
  }
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  new Script(inner(html, 'script'));
});

test('the docs contain every error and every event', async () => {
  const { html } = await page();
  for (const name of [...Object.keys(problems), ...Object.keys(catalogue)])
    expect(html).toContain(`<code>${name}</code>`);
});

test('/openapi.json needs no key, and contains the routes of the log', async () => {
  const { url } = await startServerWithStore();
  const response: TestResponse = await fetch(`${url}/openapi.json`);
  expect(response.headers.get('content-type')).toContain('application/json');
  const { openapi, paths } = await response.json();
  expect(openapi).toMatch(/^3\.1/);
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining(['/api/events', '/api/runs/{id}/cancel', '/api/keys', '/metrics']),
  );
});
