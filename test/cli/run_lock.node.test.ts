import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockRun } from '../../src/cli/run_lock.ts';

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
});
