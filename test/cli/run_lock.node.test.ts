import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockRun } from '../../src/cli/run_lock.ts';

const contender = fileURLToPath(new URL('./fixtures/lock_contender.mjs', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trimtab-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the lock of a run folder', () => {
  it('is there while the run is, and gone after it', () => {
    const release = lockRun(folder);
    expect(existsSync(join(folder, 'run.lock'))).toBe(true);
    release();
    expect(existsSync(join(folder, 'run.lock'))).toBe(false);
  });

  it('keeps a second process out, and is taken over from one that is gone', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    writeFileSync(join(folder, 'run.lock'), String(other.pid));
    expect(() => lockRun(folder)).toThrow(`another process (${other.pid})`);
    const gone = new Promise((resolve) => other.on('exit', resolve));
    other.kill('SIGKILL');
    await gone;
    lockRun(folder)();
  });

  it('is taken over when nobody can be read from it', () => {
    writeFileSync(join(folder, 'run.lock'), '');
    lockRun(folder)();
  });

  it('of another process stays when the own one is released', () => {
    const release = lockRun(folder);
    writeFileSync(join(folder, 'run.lock'), '1');
    release();
    expect(readFileSync(join(folder, 'run.lock'), 'utf8')).toBe('1');
  });

  it.each([
    ['a fresh folder', ''],
    ['a folder whose process is gone', '999999'],
  ])('goes to one of three processes at the same moment, in %s', async (_, stale) => {
    const rounds = 60;
    for (let round = 0; round < rounds; round++) {
      mkdirSync(join(folder, String(round)));
      if (stale !== '') writeFileSync(join(folder, String(round), 'run.lock'), stale);
    }
    const contenders = [0, 1, 2].map(() => spawn(process.execPath, [contender, folder, String(rounds)]));
    const said = (child: ChildProcessWithoutNullStreams) => once(child.stdout, 'data').then(([data]) => String(data));
    await Promise.all(contenders.map(said));
    const outputs = Promise.all(contenders.map(said));
    for (const { stdin } of contenders) stdin.write(String(Date.now() + 20));
    const won = (await outputs).map((text) => JSON.parse(text) as number[]);
    const ends = contenders.map((child) => once(child, 'close'));
    for (const { stdin } of contenders) stdin.end();
    await Promise.all(ends);
    const winners = Array.from({ length: rounds }, (_, round) => won.filter((of) => of.includes(round)).length);
    expect(winners).toEqual(Array(rounds).fill(1));
    expect(readdirSync(join(folder, '0'))).toEqual([]);
  });
});
