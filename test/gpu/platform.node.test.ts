import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openFile, openFolder, readFile } from '#platform';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trimtab-test-'));
  await writeFile(join(folder, 'file'), 'abc');
});

afterAll(() => rm(folder, { recursive: true }));

it('reads file: URLs', async () => {
  expect(await readFile(pathToFileURL(join(folder, 'file')).href)).toEqual(new TextEncoder().encode('abc'));
});

it('says what it found in place of what was asked for', async () => {
  await expect(openFolder(join(folder, 'file'))).rejects.toThrow(/file is a file, and a folder was expected/);
  await expect(openFile(folder)).rejects.toThrow(/is a folder, and a file was expected/);
  await expect(openFolder(join(folder, 'none'))).rejects.toThrow(/There is no .*none/);
  await expect(openFile(join(folder, 'file/below'))).rejects.toThrow(/a part of that path is a file/);
  await expect(openFile('https://example.com/model.gguf')).rejects.toThrow(/download it first/);
});
