import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import encodings from '../golden/gguf.json';
import { FakeHub } from '../model/fake_hub.ts';
import { serveHub } from '../model/fake_hub_server.ts';
import { trimtab, trimtabBeside } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'trimtab-tokenize-'));
afterAll(() => rmSync(folder, { recursive: true }));

const GGUF = ['tokenize', '--model', 'test/golden/gguf/tiny-Q4_0.gguf'];
const VOCABULARY = ['tokenize', '--model', 'test/golden/tokenization/llama-bpe.gguf'];
const lines = (values: readonly unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');

describe('trimtab tokenize', () => {
  it('turns JSON strings into lists of ids and back, a line each, without an adapter', () => {
    const none = { TRIMTAB_ADAPTER: 'native', VK_DRIVER_FILES: join(folder, 'none') };
    const texts = lines(encodings.map(({ text }) => text));
    const ids = lines(encodings.map((encoding) => encoding.ids));
    expect(trimtab(GGUF, none, texts)).toEqual({ code: 0, stdout: ids, stderr: '' });
    expect(trimtab([...GGUF, '--decode', '--json'], none, ids)).toEqual({ code: 0, stdout: texts, stderr: '' });
  });

  it('reads a file, skips empty lines, and takes a line separator within a string for what it is', () => {
    const path = join(folder, 'texts.jsonl');
    writeFileSync(path, '"a\u2028b"\r\n\n"c"');
    const { code, stdout } = trimtab([...GGUF, path]);
    expect(code).toBe(0);
    const [first, second] = stdout.trim().split('\n');
    expect(trimtab([...GGUF, '--decode'], {}, `${first}\n${second}\n`).stdout).toBe('"a\u2028b"\n"c"\n');
  });

  it('adds and keeps special tokens unless told otherwise; a vocabulary without weights will do', () => {
    const encode = (...more: string[]) => JSON.parse(trimtab([...VOCABULARY, ...more], {}, '"the"').stdout) as number[];
    const [begin, ...rest] = encode();
    expect(encode('--special-tokens')).toEqual([begin, ...rest]);
    expect(encode('--no-special-tokens')).toEqual(rest);
    const decode = (...more: string[]) =>
      trimtab([...VOCABULARY, '--decode', ...more], {}, `[${[begin, ...rest]}]`).stdout;
    expect(decode()).toBe('"<|begin_of_text|>the"\n');
    expect(decode('--no-special-tokens')).toBe('"the"\n');
  });

  it.each<[string, string[], string, RegExp]>([
    ['no JSON', [], '"a"\nb\n', /standard input, line 2: a JSON string such as "two words" was expected, not b\n/],
    ['another value', [], '["a"]', /line 1: a JSON string .* was expected, not \["a"\]/],
    ['half a character', [], '"\\ud83d"', /line 1: the string has half of a surrogate pair/],
    ['a text to decode', ['--decode'], '[1]\n"a"', /line 2: a JSON list of token ids such as \[51, 7\] was expected/],
    ['fractions to decode', ['--decode'], '[1.5]', /line 1: a JSON list of token ids/],
    ['a token that is not there', ['--decode'], '[1]\n[1, 271]', /line 2: the vocabulary has no token 271/],
    ['no file', ['none.jsonl'], '', /There is no none\.jsonl/],
  ])('refuses %s by its line', (_what, args, input, message) => {
    const { code, stderr } = trimtab([...GGUF, ...args], {}, input);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(code).toBe(2);
  });
});

describe('a model by its name on the Hub', () => {
  const files = { 'config.json': '{"vocab_size": 512}', 'model.safetensors': 'not needed' };
  const hub = new FakeHub({
    name: 'owner/demo',
    commit: 'a'.repeat(40),
    // With so many spaces at its end it is worth a line about its progress.
    files: { ...files, 'tokenizer.json': readFileSync('models/demo/tokenizer.json', 'utf8').padEnd(1.5 * 2 ** 20) },
  });
  const cache = join(folder, 'hub');
  const args = (...more: string[]) => ['tokenize', '--model', 'owner/demo', ...more];
  const want = trimtab(['tokenize', '--model', 'models/demo'], {}, '"How many?"').stdout;

  it('is fetched, of which no more than is needed, and then had offline', async () => {
    const server = await serveHub(hub);
    const env = { HF_ENDPOINT: server.address, HF_HUB_CACHE: cache, HF_TOKEN: undefined, HF_HUB_OFFLINE: undefined };
    const online = await trimtabBeside(args(), env, '"How many?"');
    server.close();
    expect(online).toMatchObject({ code: 0, stdout: want });
    expect(online.stderr).toMatch(/download 1\.5 MiB\/1\.5 MiB 100 % .* tokenizer\.json\n$/);
    expect(
      hub.requests.filter((request) => request.includes('/resolve/')).map((path) => path.split('/').at(-1)),
    ).toEqual(['config.json', 'tokenizer.json']);
    const offline = trimtab(args('--offline'), { HF_HUB_CACHE: cache }, '"How many?"');
    expect(offline).toEqual({ code: 0, stdout: want, stderr: '' });
    expect(trimtab(args(), { ...env, HF_HUB_OFFLINE: '1' }, '"How many?"')).toEqual(offline);
  });

  it('that neither the cache nor a connection has: what was sought, where, and how to go on', () => {
    const env = { HF_HUB_CACHE: cache, HF_ENDPOINT: 'http://127.0.0.1:2', HF_HUB_OFFLINE: undefined };
    const sought =
      /no file or folder owner\/none here, and as a model of the Hub: owner\/none \(main\) is not in .*hub, and/;
    const { code, stderr } = trimtab(['tokenize', '--model', 'owner/none'], env, '');
    expect(stderr).toMatch(sought);
    expect(stderr).toMatch(/http:\/\/127\.0\.0\.1:2 cannot be reached \(.+\).*HF_HUB_CACHE/);
    expect(code).toBe(2);
    const offline = trimtab(['generate', '--model', 'owner/none', '--prompt', 'x', '--offline'], env);
    expect(offline.stderr).toMatch(/owner\/none \(main\) is not in .*hub, and no connection is allowed \(--offline/);
    expect(offline.code).toBe(2);
    expect(existsSync(join(cache, 'models--owner--none'))).toBe(false);
  });

  it('that is none is told apart from a path', () => {
    for (const name of ['nothing', './nothing', '/no/such/model', 'a/b/c', 'no.gguf']) {
      const { code, stderr } = trimtab(['tokenize', '--model', name], {}, '');
      expect(stderr).toMatch(/There is no .* A model is a folder, a \.gguf file, or a name on the Hugging Face Hub/);
      expect(stderr.includes('On the Hub it would be OWNER/nothing.')).toBe(name === 'nothing');
      expect(code).toBe(2);
    }
  });
});
