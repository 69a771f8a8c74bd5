import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkWritable, replaceOutput } from '../../src/cli/output_files.ts';

const folder = mkdtempSync(join(tmpdir(), 'trimtab-output-'));
const file = join(folder, 'tuned.json');

it('keeps what a file holds until the new content is complete', async () => {
  writeFileSync(file, 'old');
  await checkWritable(file);
  expect(readFileSync(file, 'utf8')).toBe('old');
  await replaceOutput(file, 'new');
  expect(readFileSync(file, 'utf8')).toBe('new');
  const later = join(folder, 'later.json');
  await checkWritable(later);
  expect(readdirSync(folder)).toEqual(['tuned.json']);
  await replaceOutput(later, 'first');
  expect(readFileSync(later, 'utf8')).toBe('first');
  expect(readdirSync(folder).sort()).toEqual(['later.json', 'tuned.json']);
  await replaceOutput('/dev/null', 'nothing');
});

it('names what cannot be written, and leaves nothing behind', async () => {
  await expect(replaceOutput(join(folder, 'none', 'x.json'), '')).rejects.toThrow(/there is no such folder/);
  mkdirSync(join(folder, 'sub'));
  await expect(replaceOutput(join(folder, 'sub'), '')).rejects.toThrow(/it is a folder/);
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});
