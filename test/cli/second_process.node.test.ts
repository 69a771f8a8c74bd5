import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('./fixtures/second.mjs', import.meta.url));

function start(argument: string): ChildProcess {
  return spawn(process.execPath, [script, argument], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
}

/** The id of the second process, once it listens to signals. */
async function secondOf(first: ChildProcess): Promise<number> {
  const [line] = (await once(first.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return Number(/second (\d+)/.exec(line.toString())?.[1]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(process.platform === 'win32')('a process that was started again', () => {
  it('ends with the exit code of the second one', async () => {
    expect(await once(start('7'), 'exit')).toEqual([7, null]);
  });

  it('passes on an interrupt that only the first one got', async () => {
    const first = start('wait');
    await secondOf(first);
    first.kill('SIGINT');
    expect(await once(first, 'exit')).toEqual([41, null]);
  });

  it('counts Ctrl-C once, which a terminal sends to both', async () => {
    const first = start('wait');
    await secondOf(first);
    process.kill(-(first.pid as number), 'SIGINT');
    expect(await once(first, 'exit')).toEqual([41, null]);
  });

  it('dies of the signal that ended the second one', async () => {
    const first = start('wait');
    await secondOf(first);
    first.kill('SIGTERM');
    expect(await once(first, 'exit')).toEqual([null, 'SIGTERM']);
  });

  it('leaves no second process behind when the first one is killed', async () => {
    const first = start('wait');
    const second = await secondOf(first);
    first.kill('SIGKILL');
    await once(first, 'exit');
    await expect.poll(() => isAlive(second), { timeout: 5000 }).toBe(false);
  });
});
