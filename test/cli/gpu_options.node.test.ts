import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cache } from '#platform';
import { gpuChoice, tuningFor } from '../../src/cli/gpu_options.ts';
import { tuningName, UNTUNED, writeTuning } from '../../src/gpu/tuning.ts';
import { identityOf, tuningFile } from '../../src/kernels/tune.ts';
import { testDevice } from '../setup/device.ts';

const device = await testDevice();
const before = process.env.TRIMTAB_CACHE;
const notes: string[] = [];
const note = (line: string) => void notes.push(line);
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trimtab-cache-'));
  process.env.TRIMTAB_CACHE = folder;
  notes.length = 0;
});
afterEach(() => {
  if (before === undefined) delete process.env.TRIMTAB_CACHE;
  else process.env.TRIMTAB_CACHE = before;
});

const tuning = { order: 'sequential', choices: { 'forward bf16 64x64 8': 'registers' } };

it('takes what the cache has of this adapter, and nothing where it has nothing or is off', async () => {
  expect(await tuningFor(device, 'auto', note)).toBe(UNTUNED);
  await cache().write(await tuningName(identityOf(device)), writeTuning(await tuningFile(device, tuning)));
  expect(await tuningFor(device, 'auto', note)).toEqual(tuning);
  expect(await tuningFor(device, 'off', note)).toBe(UNTUNED);
  expect(notes).toEqual([]);
});

it('leaves a broken or stale file of the cache aside with one line', async () => {
  const name = await tuningName(identityOf(device));
  const stale = writeTuning({ ...(await tuningFile(device, tuning)), kernels: 'old' });
  for (const [text, why] of [
    ['{"format":', /no tuning of this version/],
    [stale, /the kernels have changed/],
  ] as const) {
    notes.length = 0;
    await cache().write(name, text);
    expect(await tuningFor(device, 'auto', note)).toBe(UNTUNED);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(why);
    expect(notes[0]).not.toContain('\n');
  }
});

it('takes a file that is named, and refuses one that does not fit', async () => {
  const path = join(folder, 'mine.json');
  writeFileSync(path, writeTuning(await tuningFile(device, tuning)));
  expect(await tuningFor(device, path, note)).toEqual(tuning);
  writeFileSync(path, writeTuning({ ...(await tuningFile(device, tuning)), adapter: 'another GPU' }));
  await expect(tuningFor(device, path, note)).rejects.toThrow(
    /cannot be used: it was measured on another GPU.*--tuning off/,
  );
  writeFileSync(path, writeTuning(await tuningFile(device, { order: 'unheard_of', choices: {} })));
  await expect(tuningFor(device, path, note)).rejects.toThrow(/cannot be used: .* has no variant of order unheard_of/);
  await expect(tuningFor(device, join(folder, 'none.json'), note)).rejects.toThrow(/There is no/);
});

it('reads toggles as a list', () => {
  expect(gpuChoice({ toggles: ' allow_unsafe_apis, ,skip_validation', tuning: 'off' })).toEqual({
    toggles: ['allow_unsafe_apis', 'skip_validation'],
    tuning: 'off',
  });
  expect(gpuChoice({})).toEqual({ toggles: [] });
});
