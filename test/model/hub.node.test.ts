import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFile } from '#platform';
import { UserError } from '../../src/gpu/errors.ts';
import { folderHubStore, hubSettingsOf } from '../../src/gpu/hub_store.node.ts';
import type { ModelFolder, RandomAccess } from '../../src/model/files.ts';
import {
  findModel,
  type HubName,
  type HubOptions,
  listHubFiles,
  openHubFile,
  openHubModel,
} from '../../src/model/hub.ts';
import { openModelSource } from '../../src/model/source.ts';
import { checkTensors } from '../../src/model/weight_table.ts';
import { FakeHub, type FakeRepository } from './fake_hub.ts';
import { type ServedHub, serveHub } from './fake_hub_server.ts';
import { tinyModel } from './tiny_model.ts';

const COMMIT = 'c0ffee'.padEnd(40, '0');
const NAME: HubName = { repo: 'owner/tiny' };
const repository = (files: FakeRepository['files'] = Object.fromEntries(tinyModel())): FakeRepository => ({
  name: 'owner/tiny',
  commit: COMMIT,
  files: { ...files, 'README.md': 'not needed', 'pytorch_model.bin': 'not needed either' },
});

let folder: string;
let server: ServedHub | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trimtab-hub-'));
});
afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

/** Options with the address of the hub, which is served, and a store in a fresh folder. */
async function serve(hub: FakeHub): Promise<HubOptions> {
  server = await serveHub(hub);
  return { ...settings(), endpoint: server.address, offline: false, retryDelay: 1 };
}

const settings = (): HubOptions => ({ store: folderHubStore(join(folder, 'hub'), openFile), offline: true });
const textOf = async (file: RandomAccess | undefined) => {
  const bytes = await file?.read(0, file.size);
  await file?.close();
  return bytes && new TextDecoder().decode(bytes);
};
const at = (...path: string[]) => join(folder, 'hub', 'models--owner--tiny', ...path);

describe('a model of the Hub', () => {
  it('is a folder whose files came into the cache as the Python library keeps them, without those not needed', async () => {
    const hub = new FakeHub(repository());
    const model = (await openHubModel(NAME, await serve(hub))) as ModelFolder;
    const source = await openModelSource(model);
    checkTensors(source);
    expect(source.name).toBe('owner/tiny');
    await source.close();
    expect(readFileSync(at('refs', 'main'), 'utf8')).toBe(COMMIT);
    const files = readdirSync(at('snapshots', COMMIT));
    expect(files.sort()).toEqual([...tinyModel().keys()].sort());
    for (const file of files) {
      const path = at('snapshots', COMMIT, file);
      expect(readlinkSync(path)).toMatch(/^\.\.\/\.\.\/blobs\/([0-9a-f]{40}|[0-9a-f]{64})$/);
      expect(readFileSync(path)).toEqual(Buffer.from(tinyModel().get(file) as Uint8Array));
    }
    expect(readdirSync(at('blobs')).filter((name) => /incomplete|lock/.test(name))).toEqual([]);
  });

  it('is fetched once: then it is there without a connection, and no file is asked for again with one', async () => {
    const hub = new FakeHub(repository());
    const options = await serve(hub);
    await openHubModel(NAME, options);
    const before = hub.requests.length;
    await openHubModel(NAME, options);
    expect(hub.requests.slice(before).filter((request) => request.includes('/resolve/'))).toEqual([]);
    const count = hub.requests.length;
    const model = (await openHubModel(NAME, { ...options, offline: true })) as ModelFolder;
    expect(await textOf(await model.open('config.json'))).toContain('hidden_size');
    expect(await model.open('nothing.json')).toBeUndefined();
    expect(hub.requests).toHaveLength(count);
  });

  it('is found where the Python library has put it', async () => {
    mkdirSync(at('refs'), { recursive: true });
    mkdirSync(at('blobs'));
    mkdirSync(at('snapshots', COMMIT), { recursive: true });
    writeFileSync(at('refs', 'main'), COMMIT);
    for (const [i, [name, bytes]] of [...tinyModel()].entries()) {
      writeFileSync(at('blobs', `${i}`), bytes);
      symlinkSync(`../../blobs/${i}`, at('snapshots', COMMIT, name));
    }
    for (const revision of [undefined, 'main', COMMIT]) {
      const name = revision === undefined ? NAME : { ...NAME, revision };
      const source = await openModelSource(await openHubModel(name, settings()));
      checkTensors(source);
      await source.close();
    }
  });

  it('is of the revision that the options say, unless its name says one', async () => {
    await openHubModel({ ...NAME, revision: COMMIT }, await serve(new FakeHub(repository())));
    const offline = settings();
    await expect(openHubModel(NAME, offline)).rejects.toThrow('owner/tiny (main)');
    for (const name of [NAME, 'owner/tiny', `owner/tiny@${COMMIT}`]) {
      const revision = name === `owner/tiny@${COMMIT}` ? 'v9' : COMMIT;
      const options = { ...offline, revision };
      const model = await (typeof name === 'string' ? findModel(name, options) : openHubModel(name, options));
      expect((model as ModelFolder).name).toBe('owner/tiny');
    }
  });

  it('in shards brings those that the index names, and none that it does not', async () => {
    const files = {
      'config.json': '{}',
      'model.safetensors.index.json': JSON.stringify({
        weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
      }),
      'model-00001-of-00002.safetensors': 'one',
      'model-00002-of-00002.safetensors': 'two',
      'model.fp32-00001-of-00001.safetensors': 'other',
    };
    const model = (await openHubModel(NAME, await serve(new FakeHub(repository(files))))) as ModelFolder;
    expect(await textOf(await model.open('model-00002-of-00002.safetensors'))).toBe('two');
    expect(await model.open('model.fp32-00001-of-00001.safetensors')).toBeUndefined();
    const { 'model-00002-of-00002.safetensors': _, ...without } = files;
    server?.close();
    rmSync(join(folder, 'hub'), { recursive: true });
    await expect(openHubModel(NAME, await serve(new FakeHub(repository(without))))).rejects.toThrow(
      /owner\/tiny \(main\) has no model-00002-of-00002\.safetensors/,
    );
  });

  it('may be a GGUF file, by its path or by its quantisation', async () => {
    const files = { 'm-Q4_K_M.gguf': 'four', 'm-q8_0.gguf': 'eight', 'm-Q4_K_S.gguf': 'small', 'm.gguf': 'full' };
    const parts = { 'l-F16-00001-of-00002.gguf': 'one', 'k-Q6_K-00001-of-00001.gguf': 'part' };
    const options = await serve(new FakeHub(repository({ ...files, ...parts })));
    const open = async (rest: Partial<HubName>) =>
      textOf((await openHubModel({ ...NAME, ...rest }, options)) as RandomAccess);
    expect(await open({ quantization: 'Q4_K_M' })).toBe('four');
    expect(await open({ quantization: 'Q8_0' })).toBe('eight');
    expect(await open({ file: 'm.gguf' })).toBe('full');
    await expect(open({ quantization: 'Q4_K' })).rejects.toThrow(/no file fits ":Q4_K"; .* has m-Q4_K_M\.gguf, m-q8_0/);
    await expect(open({ quantization: 'Q6_K' })).rejects.toThrow(/is one part of several.*llama-gguf-split --merge/);
    await expect(open({ file: 'n.gguf' })).rejects.toThrow(/owner\/tiny \(main\) has no n\.gguf/);
    await expect(open({})).rejects.toThrow(/has GGUF files: say which one, as in owner\/tiny\/m-Q4_K_M\.gguf/);
  });

  it('tells its progress in bytes', async () => {
    const options = await serve(new FakeHub(repository()));
    const seen: { file: string; done: number; total: number }[] = [];
    await openHubModel(NAME, { ...options, onProgress: (progress) => seen.push(progress) });
    const weights = tinyModel().get('model.safetensors')?.length as number;
    expect(seen.at(-1)).toEqual({ file: 'model.safetensors', done: weights, total: weights });
    expect(seen.every(({ done, total }) => done <= total)).toBe(true);
  });
});

describe('a download that breaks', () => {
  const content = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 251);
  const files = { 'config.json': '{}', 'model.safetensors': content };
  const weights = async (model: ModelFolder | RandomAccess) => {
    const file = (await (model as ModelFolder).open('model.safetensors')) as RandomAccess;
    const bytes = await file.read(0, file.size);
    await file.close();
    return bytes;
  };

  it.each([true, false])('goes on from where it broke (server with ranges: %s)', async (ranges) => {
    const hub = new FakeHub(repository(files));
    hub.ranges = ranges;
    hub.breaks.push(undefined, 30_000, 20_000);
    const model = await openHubModel(NAME, await serve(hub));
    expect(await weights(model)).toEqual(content);
    const asked = hub.requests.filter((request) => request.includes('model.safetensors'));
    expect(asked.length).toBe(3);
    expect(asked[0]).not.toContain('bytes=');
    expect(asked[1]).toMatch(/bytes=30000-$/);
    expect(asked[2]).toMatch(ranges ? /bytes=50000-$/ : /bytes=30000-$/);
  });

  it('goes on in the next process, and says so when it gives up', async () => {
    const hub = new FakeHub(repository(files));
    const options = await serve(hub);
    hub.breaks.push(undefined, 40_000, 0, 0, 0, 0, 0);
    const message =
      /model\.safetensors of owner\/tiny: the connection .* broke 5 times .*What has come of its 98 KiB is kept in/;
    await expect(openHubModel(NAME, options)).rejects.toThrow(message);
    hub.breaks.length = 0;
    expect(await weights(await openHubModel(NAME, options))).toEqual(content);
    expect(hub.requests.at(-1)).toMatch(/bytes=40000-$/);
  });

  it('is not believed when its bytes are others than announced', async () => {
    const hub = new FakeHub(repository(files));
    const options = await serve(hub);
    hub.breaks.push(undefined, 40_000, 0, 0, 0, 0, 0);
    await expect(openHubModel(NAME, options)).rejects.toThrow(UserError);
    const partial = readdirSync(at('blobs')).find((name) => name.endsWith('.incomplete')) as string;
    const bytes = readFileSync(at('blobs', partial));
    bytes[17]! ^= 1;
    writeFileSync(at('blobs', partial), bytes);
    hub.breaks.length = 0;
    await expect(openHubModel(NAME, options)).rejects.toThrow(/is not what the Hub announced.*deleted/);
    expect(existsSync(at('blobs', partial))).toBe(false);
    expect(await weights(await openHubModel(NAME, options))).toEqual(content);
  });

  it('is left alone while another process is at it', async () => {
    const hub = new FakeHub(repository(files));
    const options = await serve(hub);
    hub.breaks.push(undefined, 10, 0, 0, 0, 0, 0);
    await expect(openHubModel(NAME, options)).rejects.toThrow(UserError);
    hub.breaks.length = 0;
    const partial = readdirSync(at('blobs')).find((name) => name.endsWith('.incomplete')) as string;
    const lock = at('blobs', partial.replace('.incomplete', '.lock'));
    const { hostname } = await import('node:os');
    writeFileSync(lock, `${process.pid} ${hostname()}`);
    await expect(openHubModel(NAME, options)).rejects.toThrow(/being downloaded by process \d+.*wait/);
    writeFileSync(lock, `999999999 ${hostname()}`);
    expect(await weights(await openHubModel(NAME, options))).toEqual(content);
    expect(existsSync(lock)).toBe(false);
  });

  it('ends when its signal says so', async () => {
    const hub = new FakeHub(repository(files));
    const controller = new AbortController();
    const options = { ...(await serve(hub)), signal: controller.signal, onProgress: () => controller.abort() };
    await expect(openHubModel(NAME, options)).rejects.toThrow(/abort/i);
  });
});

describe('a Hub that says no', () => {
  it.each<[string, Partial<HubName>, RegExp]>([
    ['knows no such model', { repo: 'owner/none' }, /There is no model .*\/owner\/none, or not for you.*HF_TOKEN/],
    ['knows no such revision', { revision: 'v9' }, /\/owner\/tiny has no branch, tag or commit "v9"/],
  ])('because it %s', async (_what, rest, message) => {
    const options = await serve(new FakeHub(repository()));
    const opening = openHubModel({ ...NAME, ...rest }, options);
    await expect(opening).rejects.toThrow(UserError);
    await expect(opening).rejects.toThrow(message);
  });

  it('opens a gated model to those who have a token, which goes to no other host', async () => {
    const hub = new FakeHub({ ...repository(), token: 'hf_right' });
    const options = await serve(hub);
    await expect(openHubModel(NAME, options)).rejects.toThrow(/set HF_TOKEN, or log in/);
    await expect(openHubModel(NAME, { ...options, token: 'wrong' })).rejects.toThrow(/token that was sent .* gives no/);
    await openHubModel(NAME, { ...options, token: 'hf_right' });
    expect(new Set(hub.tokens)).toEqual(new Set([undefined, 'wrong', 'hf_right']));
  });
});

describe('a Hub that cannot be reached', () => {
  // Nothing listens there.
  const unreachable = (): HubOptions => ({ ...settings(), endpoint: 'http://127.0.0.1:2', offline: false });

  it('leaves the cache, and a remark', async () => {
    await openHubModel(NAME, await serve(new FakeHub(repository())));
    const notes: string[] = [];
    const model = (await openHubModel(NAME, { ...unreachable(), onNote: (line) => notes.push(line) })) as ModelFolder;
    expect(await textOf(await model.open('config.json'))).toContain('hidden_size');
    expect(notes.join()).toMatch(/ECONNREFUSED.*owner\/tiny is taken from .*hub as it was last seen/);
  });

  it('and an empty cache: the message says what was sought, where, and how to go on', async () => {
    const opening = openHubModel(NAME, unreachable());
    await expect(opening).rejects.toThrow(UserError);
    await expect(opening).rejects.toThrow(
      /^owner\/tiny \(main\) is not in .*hub, and http:\/\/127\.0\.0\.1:2 cannot be reached \(.*ECONNREFUSED.*HF_HUB_CACHE/,
    );
  });

  it('is not asked when offline, and a file that is missing is named', async () => {
    await expect(openHubModel(NAME, settings())).rejects.toThrow(
      /is not in .*, and no connection is allowed \(--offline/,
    );
    await openHubModel(NAME, await serve(new FakeHub(repository())));
    rmSync(at('snapshots', COMMIT, 'model.safetensors'));
    await expect(openHubModel(NAME, settings())).rejects.toThrow(
      /^model\.safetensors of owner\/tiny \(main\) is not in/,
    );
  });
});

describe('an address that is not the Hub’s', () => {
  it.each<[string, Partial<FakeRepository>]>([
    ['another commit', { commit: '../../x' }],
    ['no repository', {}],
  ])('is named (%s)', async (what, rest) => {
    const hub = new FakeHub({ ...repository(), ...rest });
    if (what === 'no repository') {
      hub.answer = async () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from('<html>') });
    }
    const opening = openHubModel(NAME, await serve(hub));
    await expect(opening).rejects.toThrow(UserError);
    await expect(opening).rejects.toThrow(/127\.0\.0\.1:\d+ does not answer as the Hub does .*check HF_ENDPOINT/);
  });

  it('is named when it is none', async () => {
    const options = { ...settings(), endpoint: 'mirror', offline: false };
    await expect(openHubModel(NAME, options)).rejects.toThrow(/mirror cannot be reached \(Invalid URL\)/);
  });
});

describe('files of a data set', () => {
  const data: FakeRepository = {
    type: 'dataset',
    name: 'openai/gsm8k',
    commit: COMMIT,
    files: {
      'README.md': 'x',
      'main/test-00000-of-00001.parquet': 'PAR1',
      'main/train-00000-of-00001.parquet': 'PAR2',
    },
  };

  it('are listed and opened by their path', async () => {
    const options: HubOptions = await serve(new FakeHub(data));
    expect(await listHubFiles('openai/gsm8k', { ...options, type: 'dataset' })).toEqual(Object.keys(data.files));
    const file = await openHubFile('openai/gsm8k', 'main/test-00000-of-00001.parquet', { ...options, type: 'dataset' });
    expect(file.name).toBe('openai/gsm8k/main/test-00000-of-00001.parquet');
    expect(await textOf(file)).toBe('PAR1');
    const kept = join(folder, 'hub', 'datasets--openai--gsm8k', 'snapshots', COMMIT, 'main');
    expect(readdirSync(kept)).toEqual(['test-00000-of-00001.parquet']);
    expect(lstatSync(join(kept, 'test-00000-of-00001.parquet')).isSymbolicLink()).toBe(true);
    const offline = { ...options, type: 'dataset', offline: true } as const;
    expect(await listHubFiles('openai/gsm8k', offline)).toEqual(['main/test-00000-of-00001.parquet']);
    await expect(openHubFile('openai/gsm8k', 'main/none.parquet', { ...options, type: 'dataset' })).rejects.toThrow(
      /openai\/gsm8k \(main\) has no main\/none\.parquet/,
    );
  });

  it('never leave the cache, whatever their path', async () => {
    const options = await serve(new FakeHub({ ...data, files: { '../../out': 'x' } }));
    await expect(openHubFile('openai/gsm8k', '../../out', { ...options, type: 'dataset' })).rejects.toThrow(UserError);
    expect(existsSync(join(folder, 'out'))).toBe(false);
  });
});

describe('the settings', () => {
  it("are those of Python's library", () => {
    const of = (env: Record<string, string>) => hubSettingsOf(env, openFile);
    expect(of({ HF_HOME: '/a' })).toMatchObject({ endpoint: 'https://huggingface.co', offline: false });
    expect(of({ HF_HOME: '/a' }).store.where).toBe(join('/a', 'hub'));
    expect(of({ XDG_CACHE_HOME: '/x' }).store.where).toBe(join('/x', 'huggingface', 'hub'));
    expect(of({ HF_HOME: '/a', HF_HUB_CACHE: '/b' }).store.where).toBe('/b');
    expect(of({ HF_ENDPOINT: 'https://mirror.example/' }).endpoint).toBe('https://mirror.example');
    for (const yes of ['1', 'ON', 'true', 'Yes']) expect(of({ HF_HUB_OFFLINE: yes }).offline).toBe(true);
    expect(of({ HF_HUB_OFFLINE: '0' }).offline).toBe(false);
    writeFileSync(join(folder, 'token'), 'hf_file\n');
    expect(of({ HF_HOME: folder }).token).toBe('hf_file');
    expect(of({ HF_HOME: folder, HF_TOKEN: 'hf_env' }).token).toBe('hf_env');
    expect(of({ HF_HOME: join(folder, 'none') })).not.toHaveProperty('token');
  });
});
