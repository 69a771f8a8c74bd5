import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../gpu/errors.ts';

const LOCK = 'run.lock';

/**
 * Keeps other processes out of a run folder: two that write there would mix their logs and tear each other's checkpoints. A
 * lock whose process is gone (killed, or the machine restarted) is taken over.
 * @returns releases the lock
 * @throws UserError naming the process that holds it
 */
export function lockRun(folder: string): () => void {
  const path = join(folder, LOCK);
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const holder = Number(readFileSync(path, 'utf8'));
    if (holder !== process.pid && isRunning(holder)) {
      throw new UserError(
        `${folder} is being written by another process (${holder}). Wait for it, or name another folder with --out; if that process is ` +
          `no trimtab, remove ${path}.`,
      );
    }
    writeFileSync(path, String(process.pid));
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  return () => {
    process.off('exit', release);
    release();
  };
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is running, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
