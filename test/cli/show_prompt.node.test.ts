import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { FakeHub } from '../model/fake_hub.ts';
import { serveHub } from '../model/fake_hub_server.ts';
import { trimtabBeside } from './run.ts';

const cache = mkdtempSync(join(tmpdir(), 'trimtab-show-prompt-'));
afterAll(() => rmSync(cache, { recursive: true }));

it.each(['eval', 'train'])(
  '%s --show-prompt fetches the tokenizer of a model of the Hub, and no weights',
  async (name) => {
    const files = Object.fromEntries(
      ['config.json', 'tokenizer.json', 'model.safetensors'].map((file) => [file, readFileSync(`models/demo/${file}`)]),
    );
    const hub = new FakeHub({ name: 'owner/demo', commit: 'a'.repeat(40), files });
    const server = await serveHub(hub);
    const env = { HF_ENDPOINT: server.address, HF_HUB_CACHE: join(cache, name), HF_HUB_OFFLINE: undefined };
    const args = [name, '--model', 'owner/demo', '--data', 'examples/problems.jsonl', '--show-prompt'];
    const { code, stdout, stderr } = await trimtabBeside(args, env);
    server.close();
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^User: .*\nAssistant:\n$/s);
    const fetched = hub.requests
      .filter((request) => request.includes('/resolve/'))
      .map((path) => path.split('/').at(-1));
    expect([...new Set(fetched)]).toEqual(['config.json', 'tokenizer.json']);
  },
);
