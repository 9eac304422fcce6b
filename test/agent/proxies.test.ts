// Models and MCP servers behind a URL are reached through the proxies of the environment.

import { expect, test } from 'vitest';
import { startConnectProxy } from '../connect-proxy.ts';
import { startMcpHttpServer } from './mcp-http-server.ts';
import { startModelServer } from './model-server.ts';
import { startAgent } from './start-agent.ts';
import { says } from './start-model-agent.ts';

const providers = { far: { baseURL: 'http://model.invalid/v1' } };

test.each(['HTTP_PROXY', 'http_proxy'])('a model is reached through %s', async (variable) => {
  const model = await startModelServer([says('Hello.')]);
  const proxy = await startConnectProxy({ 'model.invalid:80': model.url });
  const url = proxy.url.replace('//', '//ada:s3cret@');
  const { prompt } = await startAgent({
    models: ['far/m'],
    providers,
    environment: { PATH: process.env.PATH, [variable]: url },
  });
  expect((await prompt('Hi')).response).toBe('Hello.');
  expect(proxy.targets).toEqual(['model.invalid:80']);
  expect(proxy.headers[0]?.['proxy-authorization']).toBe(
    `Basic ${Buffer.from('ada:s3cret').toString('base64')}`,
  );
});

test('a proxy without a scheme is an HTTP proxy', async () => {
  const model = await startModelServer([says('Hello.')]);
  const proxy = await startConnectProxy({ 'model.invalid:80': model.url });
  const { prompt } = await startAgent({
    models: ['far/m'],
    providers,
    environment: { HTTP_PROXY: proxy.url.replace('http://', '') },
  });
  expect((await prompt('Hi')).response).toBe('Hello.');
});

test('loopback and the hosts of NO_PROXY are reached directly', async () => {
  const model = await startModelServer([says('One.'), says('Two.')]);
  const proxy = await startConnectProxy({});
  const { port } = new URL(model.url);
  for (const host of ['127.0.0.1', 'localhost']) {
    const { prompt } = await startAgent({
      models: ['near/m'],
      providers: { near: { baseURL: `http://${host}:${port}/v1` } },
      environment: { HTTP_PROXY: proxy.url },
    });
    await prompt('Hi');
  }
  const { prompt } = await startAgent({
    models: ['far/m'],
    providers,
    environment: { HTTP_PROXY: proxy.url, NO_PROXY: '.invalid' },
  });
  await expect(prompt('Hi')).rejects.toMatchObject({ code: 'model_unavailable' });
  expect(proxy.targets).toEqual([]);
});

test('HTTPS_PROXY is used for https: URLs', async () => {
  const proxy = await startConnectProxy({});
  const { prompt } = await startAgent({
    models: ['far/m'],
    providers: { far: { baseURL: 'https://model.invalid/v1' } },
    environment: { HTTPS_PROXY: proxy.url },
  });
  await expect(prompt('Hi')).rejects.toMatchObject({ code: 'model_unavailable' });
  expect(new Set(proxy.targets)).toEqual(new Set(['model.invalid:443']));
});

test('an MCP server behind a URL is reached through HTTP_PROXY', async () => {
  const server = await startMcpHttpServer();
  const proxy = await startConnectProxy({ 'mcp.invalid:80': server.url });
  const { agent } = await startAgent({
    mcpServers: { far: { type: 'http', url: 'http://mcp.invalid/' } },
    environment: { HTTP_PROXY: proxy.url },
  });
  expect((await agent.mcp.list()).map(({ name }) => name)).toContain('far__echo');
  expect(new Set(proxy.targets)).toEqual(new Set(['mcp.invalid:80']));
});

test.each([
  ['HTTPS_PROXY', 'socks5://127.0.0.1:1080'],
  ['http_proxy', 'http://'],
  ['HTTP_PROXY', 'ftp://user:hunter2@proxy.example.org'],
])('%s=%s is refused at the start, without its value', async (variable, value) => {
  const started = startAgent({ environment: { [variable]: value } });
  const words = new RegExp(`^${variable} must be the URL of an HTTP proxy`);
  await expect(started).rejects.toThrow(words);
  await expect(started).rejects.not.toThrow(/hunter2|1080/);
});
