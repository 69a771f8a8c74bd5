import { constants, copyFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../gpu/errors.ts';

const LOCK = 'run.lock';
/** What file systems without hard links say: a copy is the next best there. */
const LINKLESS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Keeps other processes out of a run folder: two that write there would mix their logs and tear each other's checkpoints. A
 * lock whose process is gone (killed, or the machine restarted) is taken over. The lock appears with its content in it, since
 * one without would look like that of a process that is gone.
 * @returns releases the lock
 * @throws UserError naming the process that holds it
 */
export function lockRun(folder: string): () => void {
  const path = join(folder, LOCK);
  const own = `${path}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    while (!linked(own, path)) {
      const content = contentOf(path);
      if (content === undefined) continue;
      const holder = Number(content);
      if (holder === process.pid) break;
      if (isRunning(holder)) {
        throw new UserError(
          `${folder} is being written by another process (${holder}). Wait for it, or name another folder with --out; if that process is ` +
            `no trimtab, remove ${path}.`,
        );
      }
      if (takenOver(path, own, content)) break;
    }
  } finally {
    rmSync(own, { force: true });
  }
  const release = () => {
    if (contentOf(path) === String(process.pid)) rmSync(path, { force: true });
  };
  process.once('exit', release);
  return () => {
    process.off('exit', release);
    release();
  };
}

/** Whether `path` is now another name of `own`; false where there is a file of that name. */
function linked(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!LINKLESS.has(code)) throw error;
  }
  try {
    copyFileSync(own, path, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Puts `own` in the place of a stale lock. Only who has the claim may, so that nobody replaces the lock of one that was faster.
 * @returns false where the lock is no longer the stale one
 */
function takenOver(path: string, own: string, stale: string): boolean {
  const claim = `${path}.claim`;
  if (!linked(own, claim)) {
    throw new UserError(
      `Another process (${contentOf(claim) ?? 'gone by now'}) is taking over ${path}. Try again; if none is, remove ${claim}.`,
    );
  }
  try {
    if (contentOf(path) !== stale) return false;
    renameSync(own, path);
    return true;
  } finally {
    rmSync(claim, { force: true });
  }
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
