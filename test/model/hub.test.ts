import { describe, expect, it } from 'vitest';
import { parseHubName } from '../../src/model/hub.ts';

describe('a name on the Hub', () => {
  const repo = 'Qwen/Qwen2.5-0.5B-Instruct';
  it.each<[string, ReturnType<typeof parseHubName>]>([
    [repo, { repo, revision: 'main' }],
    [`${repo}@v1.0`, { repo, revision: 'v1.0' }],
    [`${repo}@${'0'.repeat(40)}`, { repo, revision: '0'.repeat(40) }],
    [`${repo}@refs/pr/7`, { repo, revision: 'refs/pr/7' }],
    [`${repo}@a/b`, { repo, revision: 'a/b' }],
    [`${repo}:Q4_K_M`, { repo, revision: 'main', quantization: 'Q4_K_M' }],
    [`${repo}@dev:Q8_0`, { repo, revision: 'dev', quantization: 'Q8_0' }],
    [`${repo}/m.Q4_0.gguf`, { repo, revision: 'main', file: 'm.Q4_0.gguf' }],
    [`${repo}@dev/sub/m.gguf`, { repo, revision: 'dev', file: 'sub/m.gguf' }],
    [`${repo}@refs/pr/7/m.gguf`, { repo, revision: 'refs/pr/7', file: 'm.gguf' }],
  ])('%s', (text, name) => {
    expect(parseHubName(text)).toEqual(name);
  });

  it.each([
    'gpt2',
    './models/demo',
    '../models',
    '/models/demo',
    'models/demo/',
    'a/b/c',
    'models/m.gguf',
    'a/b/../c.gguf',
    'a/..',
    'a/b@../../x',
    'C:\\models\\demo',
    '~/models',
    'https://huggingface.co/a/b',
    '',
  ])('is not %j', (text) => {
    expect(parseHubName(text)).toBeUndefined();
  });
});
