import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hubSettings, openFile, openLocalModel } from '#platform';
import { UserError } from '../../src/gpu/errors.ts';
import { browserHubStore } from '../../src/gpu/hub_store.browser.ts';
import type { ModelFolder, RandomAccess } from '../../src/model/files.ts';
import { findModel, type HubOptions, listHubFiles, openHubModel } from '../../src/model/hub.ts';
import { openPicked } from '../../src/model/picked_files.ts';
import { openModelSource } from '../../src/model/source.ts';
import { openUrlModel } from '../../src/model/url_files.ts';
import { checkTensors } from '../../src/model/weight_table.ts';
import { repositoryPath } from '../setup/files.ts';
import { FakeHub } from './fake_hub.ts';
import { tinyModel } from './tiny_model.ts';

const COMMIT = 'c0ffee'.padEnd(40, '0');
const NAME = { repo: 'owner/tiny', revision: 'main' };
const FOLDER = 'test-store';
const PIECE = 10_000;

const bytesOf = async (file: RandomAccess | undefined) => file?.read(0, file.size);
const options = (): HubOptions => ({
  store: browserHubStore(FOLDER, PIECE),
  endpoint: 'https://hub.example',
  retryDelay: 1,
});

/** Answers of the hub in place of fetch's; a connection that is to break errs in its stream. */
function answerFetch(hub: FakeHub): void {
  vi.stubGlobal('fetch', async (input: string | URL, init?: RequestInit) => {
    const { status, headers, body, breakAt } = await hub.answer(new URL(input), new Headers(init?.headers));
    let sent = false;
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (!sent) {
          sent = true;
          return controller.enqueue(body.slice(0, breakAt));
        }
        if (breakAt === undefined) return controller.close();
        // An error throws away what was sent and not yet taken.
        await new Promise((later) => setTimeout(later, 50));
        controller.error(new TypeError('network error'));
      },
    });
    return new Response(stream, { status, headers });
  });
}

beforeEach(async () => {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry(FOLDER, { recursive: true }).catch(() => {});
});
afterEach(() => vi.unstubAllGlobals());

describe('a model of the Hub in a page', () => {
  it('comes into the storage of the page, and is there without a connection', async () => {
    const hub = new FakeHub({ name: NAME.repo, commit: COMMIT, files: Object.fromEntries(tinyModel()) });
    answerFetch(hub);
    const source = await openModelSource(await openHubModel(NAME, options()));
    checkTensors(source);
    await source.close();
    const asked = hub.requests.length;
    const model = (await openHubModel(NAME, { ...options(), offline: true })) as ModelFolder;
    expect(hub.requests).toHaveLength(asked);
    expect(await bytesOf(await model.open('tokenizer.json'))).toEqual(tinyModel().get('tokenizer.json'));
    expect(await model.open('none.json')).toBeUndefined();
    expect(await listHubFiles(NAME.repo, { ...options(), offline: true })).toEqual([...tinyModel().keys()].sort());
  });

  it('goes on after a broken connection from the last whole piece', async () => {
    const content = Uint8Array.from({ length: 3 * PIECE + 17 }, (_, i) => (i * 7) % 251);
    const hub = new FakeHub({
      name: NAME.repo,
      commit: COMMIT,
      files: { 'config.json': '{}', 'model.safetensors': content },
    });
    hub.breaks.push(undefined, 2 * PIECE + 5);
    answerFetch(hub);
    const model = (await openHubModel(NAME, options())) as ModelFolder;
    const file = (await model.open('model.safetensors')) as RandomAccess;
    expect(await bytesOf(file)).toEqual(content);
    expect(await file.read(PIECE - 3, 6)).toEqual(content.slice(PIECE - 3, PIECE + 3));
    expect(hub.requests.at(-1)).toMatch(/model\.safetensors bytes=20000-$/);
  });

  it('is listed with the bytes that it takes, parts of a file included, and can be deleted', async () => {
    const content = new Uint8Array(3 * PIECE + 17).fill(5);
    const files = { 'config.json': '{}', 'model.safetensors': content };
    const hub = new FakeHub({ name: NAME.repo, commit: COMMIT, files });
    hub.breaks.push(undefined, ...Array.from({ length: 5 }, () => 2 * PIECE + 5));
    hub.ranges = false;
    answerFetch(hub);
    const store = browserHubStore(FOLDER, PIECE);
    expect(await store.repositories()).toEqual([]);
    await expect(openHubModel(NAME, options())).rejects.toThrow(/broke 5 times.*What has come of its 29 KiB is kept/);
    const revisions = new Map([['main', COMMIT]]);
    const [partial] = await store.repositories();
    expect(partial).toMatchObject({ repo: 'models--owner--tiny', revisions, whole: false });
    expect(partial?.bytes).toBeGreaterThanOrEqual(2 * PIECE);
    expect(partial?.bytes).toBeLessThan(content.length);
    await openHubModel(NAME, options());
    expect(await store.repositories()).toMatchObject([{ bytes: 2 + content.length, whole: true }]);
    await store.remove('models--owner--tiny');
    await store.remove('models--owner--tiny');
    expect(await store.repositories()).toEqual([]);
    await expect(openHubModel(NAME, { ...options(), offline: true })).rejects.toThrow(
      /is not in this browser's storage/,
    );
  });

  it('that cannot be had says where it was sought', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('Failed to fetch');
    });
    await expect(openHubModel(NAME, options())).rejects.toThrow(UserError);
    await expect(openHubModel(NAME, options())).rejects.toThrow(
      /owner\/tiny \(main\) is not in this browser's storage.*https:\/\/hub\.example cannot be reached \(Failed to fetch\)/,
    );
  });

  it('is told from a URL', async () => {
    expect(await openLocalModel('owner/tiny')).toBeUndefined();
    expect(((await openLocalModel('/models/demo')) as ModelFolder).name).toBe('demo');
    expect((await findModel('/models/demo', options())).name).toBe('demo');
    await expect(findModel('demo', options())).rejects.toThrow(/There is no demo\. A model is/);
    expect(hubSettings()).toMatchObject({ endpoint: 'https://huggingface.co', offline: false });
  });
});

describe('what a user picked', () => {
  const files = [...tinyModel()].map(([name, bytes]) => new File([bytes as Uint8Array<ArrayBuffer>], name));

  it('is a folder of files', async () => {
    const source = await openModelSource(await openPicked(files));
    checkTensors(source);
    expect(source.tokenizer?.where).toBe('the picked files/tokenizer.json');
  });

  it('is a directory', async () => {
    const root = await navigator.storage.getDirectory();
    const directory = await root.getDirectoryHandle(FOLDER, { create: true });
    for (const file of files) {
      const stream = await (await directory.getFileHandle(file.name, { create: true })).createWritable();
      await stream.write(file);
      await stream.close();
    }
    const source = await openModelSource(await openPicked(directory));
    checkTensors(source);
    expect(source.name).toBe(FOLDER);
    expect(await bytesOf((await openPicked(await directory.getFileHandle('config.json'))) as RandomAccess)).toEqual(
      tinyModel().get('config.json'),
    );
  });

  it('is a GGUF file, or nothing', async () => {
    const disk = await openFile(repositoryPath('test/golden/gguf/tiny-F32.gguf'));
    const file = new File([(await disk.read(0, disk.size)) as Uint8Array<ArrayBuffer>], 'tiny.gguf');
    for (const picked of [file, [file]])
      expect((await openModelSource(await openPicked(picked))).name).toBe('tiny.gguf');
    await expect(openPicked([])).rejects.toThrow(/No file was picked/);
  });
});

describe('a model by its URL', () => {
  /** A server of the files; `changed` gives them other ETags. */
  function serve(
    files: ReadonlyMap<string, Uint8Array>,
    gets: string[],
    state: { changed: string; down: boolean },
  ): void {
    vi.stubGlobal('fetch', async (input: string | URL, init?: RequestInit) => {
      if (state.down) throw new TypeError('Failed to fetch');
      const name = new URL(input).pathname.replace('/models/tiny/', '');
      const bytes = files.get(name) as Uint8Array<ArrayBuffer> | undefined;
      if (!bytes) return new Response('no', { status: 404 });
      const headers = { 'content-length': String(bytes.length), etag: `"${name}${state.changed}"` };
      if (init?.method === 'HEAD') return new Response(null, { headers });
      gets.push(name);
      return new Response(bytes, { headers });
    });
  }

  it('is fetched once, again when it has changed, and had while the server is away', async () => {
    const gets: string[] = [];
    const state = { changed: '', down: false };
    serve(tinyModel(), gets, state);
    const open = async () => {
      const source = await openModelSource(await openUrlModel('https://files.example/models/tiny', options()));
      checkTensors(source);
      return source.name;
    };
    expect(await open()).toBe('tiny');
    expect(gets.sort()).toEqual([...tinyModel().keys()].sort());
    await open();
    expect(gets).toHaveLength(tinyModel().size);
    state.changed = '2';
    await open();
    expect(gets).toHaveLength(2 * tinyModel().size);
    state.down = true;
    const folder = (await openUrlModel('https://files.example/models/tiny', options())) as ModelFolder;
    expect(await bytesOf(await folder.open('config.json'))).toEqual(tinyModel().get('config.json'));
    await expect(openUrlModel('https://files.example/none.gguf', options())).rejects.toThrow(
      /none\.gguf is not in this browser's storage.*cannot be fetched: Failed to fetch/,
    );
  });
});
