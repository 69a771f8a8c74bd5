import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderStore } from '../../src/cli/folder_store.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trimtab-store-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const isRoot = process.getuid?.() === 0;

describe('a run folder', () => {
  it('is made with the folders above it, and keeps whole files', async () => {
    const store = await folderStore(join(folder, 'a/b'));
    expect(await store.read('x.json')).toBeUndefined();
    await store.writeAtomic('x.json', 'one');
    await store.writeAtomic('x.json', Uint8Array.of(116, 119, 111));
    await store.append('log.jsonl', 'a\n');
    await store.append('log.jsonl', 'b\n');
    expect(readFileSync(join(folder, 'a/b/x.json'), 'utf8')).toBe('two');
    expect(new TextDecoder().decode(await store.read('log.jsonl'))).toBe('a\nb\n');
    expect((await store.list()).sort()).toEqual(['log.jsonl', 'x.json']);
    await store.remove('x.json');
    await store.remove('x.json');
    expect(await store.list()).toEqual(['log.jsonl']);
  });

  it.runIf(existsSync('/dev/full'))(
    'says that the disk is full, keeps the old file and no half of a new one',
    async () => {
      const store = await folderStore(folder);
      await store.writeAtomic('checkpoint', 'old');
      // What is written there meets a full disk.
      symlinkSync('/dev/full', join(folder, 'checkpoint.tmp'));
      symlinkSync('/dev/full', join(folder, 'metrics.jsonl'));
      await expect(store.writeAtomic('checkpoint', 'new')).rejects.toThrow(
        /cannot be written: the disk is full\. Free some space/,
      );
      await expect(store.append('metrics.jsonl', '{}\n')).rejects.toThrow(/the disk is full/);
      expect(readFileSync(join(folder, 'checkpoint'), 'utf8')).toBe('old');
      expect(readdirSync(folder).sort()).toEqual(['checkpoint', 'metrics.jsonl']);
    },
  );

  it('says why it cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(folderStore(join(folder, 'file'))).rejects.toThrow(/there is a file of that name/);
    await expect(folderStore(join(folder, 'file/run'))).rejects.toThrow(/a part of the path is a file/);
    await expect(folderStore(join(folder, 'none'), { mustExist: true })).rejects.toThrow(/There is no run folder/);
    if (existsSync('/proc/self'))
      await expect(folderStore('/proc/trimtab')).rejects.toThrow(/no folder can be made there/);
  });

  it.skipIf(isRoot || process.platform === 'win32')('says that it may not be written to', async () => {
    chmodSync(folder, 0o500);
    await expect(folderStore(folder)).rejects.toThrow(
      /writing there is not permitted\. Name another folder with --out/,
    );
    chmodSync(folder, 0o700);
  });
});
