import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openFile } from '#platform';
import { folderHubStore } from '../../src/gpu/hub_store.node.ts';
import type { ModelFolder } from '../../src/model/files.ts';
import { openUrlModel } from '../../src/model/url_files.ts';

let folder: string;
let server: Server;
let url: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trimtab-url-'));
  server = createServer((_, response) => response.writeHead(200, { 'content-length': 4 }).end('evil'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/tiny`;
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

it.each(['..%2f..%2f..%2f..%2f..%2fvictim.txt', '../../victim.txt', 'http://127.0.0.1:1/victim.txt', '/victim.txt'])(
  'opens nothing outside of a model’s folder, whatever its index names: %s',
  async (name) => {
    writeFileSync(join(folder, 'victim.txt'), 'precious');
    const store = folderHubStore(join(folder, 'cache/hub'), openFile);
    const model = (await openUrlModel(url, { store })) as ModelFolder;
    await expect(model.open(name)).rejects.toThrow('lies outside of the folder of its model');
    expect(readFileSync(join(folder, 'victim.txt'), 'utf8')).toBe('precious');
    expect(existsSync(join(folder, 'cache/victim.txt'))).toBe(false);
  },
);

it('keeps no file outside of the cache, whoever asks', async () => {
  const store = folderHubStore(join(folder, 'cache/hub'), openFile);
  await expect(store.remember('repo', '../../../victim.txt', 'commit')).rejects.toThrow('lies outside of');
  await expect(store.open('repo', 'commit', '../../../../victim.txt')).rejects.toThrow('lies outside of');
});
