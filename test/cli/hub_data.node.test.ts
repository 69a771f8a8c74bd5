import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readProblems } from '../../src/cli/problem_files.ts';
import { FakeHub } from '../model/fake_hub.ts';

const cache = mkdtempSync(join(tmpdir(), 'trimtab-hub-data-'));
const parquet = readFileSync('test/golden/data/gsm8k-snappy.parquet');
const hub = new FakeHub({
  type: 'dataset',
  name: 'openai/gsm8k',
  commit: 'c0ffee'.padEnd(40, '0'),
  files: {
    'README.md': '',
    'main/train-00001-of-00002.parquet': parquet,
    'main/train-00000-of-00002.parquet': parquet,
    'main/test-00000-of-00001.parquet': parquet,
  },
});
const server = createServer(async (request, response) => {
  const headers = new Headers(request.headers as Record<string, string>);
  const answer = await hub.answer(new URL(request.url as string, 'http://hub'), headers);
  response.writeHead(answer.status, answer.headers).end(answer.body);
});

beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('HF_HUB_CACHE', cache);
  vi.stubEnv('HF_HUB_OFFLINE', '0');
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  rmSync(cache, { recursive: true });
});

describe('a data set of the Hub', () => {
  it('is read from all shards of the part that is named', async () => {
    const problems = await readProblems('hf:openai/gsm8k/main/train');
    expect(problems.map(({ index, answer, source }) => [index, answer, source])).toEqual([
      [0, '7', 'hf:openai/gsm8k/main/train-00000-of-00002.parquet: row 1'],
      [1, '12', 'hf:openai/gsm8k/main/train-00000-of-00002.parquet: row 2'],
      [2, '7', 'hf:openai/gsm8k/main/train-00001-of-00002.parquet: row 1'],
      [3, '12', 'hf:openai/gsm8k/main/train-00001-of-00002.parquet: row 2'],
    ]);
  });

  it('is read from the cache without a connection, and else is missed with the way out', async () => {
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    const asked = hub.requests.length;
    expect(await readProblems('hf:openai/gsm8k/main/train')).toHaveLength(4);
    expect(hub.requests).toHaveLength(asked);
    await expect(readProblems('hf:openai/gsm8k/main/test')).rejects.toThrow(
      'hf:openai/gsm8k has no main/test. It has main/train.',
    );
    await expect(readProblems('hf:a/b/main/test')).rejects.toThrow(
      /a\/b \(main\) is not in .*, and no connection is allowed/,
    );
    vi.stubEnv('HF_HUB_OFFLINE', '0');
  });

  it('has no part of another name', async () => {
    await expect(readProblems('hf:openai/gsm8k/main/dev')).rejects.toThrow('It has main/test, main/train.');
  });
});
