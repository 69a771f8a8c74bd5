import { existsSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from '../gpu/errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'there is a file of that name',
  EACCES: 'writing there is not permitted',
  EPERM: 'writing there is not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  ENAMETOOLONG: 'the name is too long',
  ERR_INVALID_ARG_VALUE: 'a name holds no NUL character',
};

/** Why a file or folder of the user's cannot be written; for what is no such reason, the error itself. */
function unwritable(path: string, error: unknown): unknown {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === '') return error;
  const reason = REASONS[code] ?? (error as Error).message;
  return new UserError(`${path.replaceAll('\0', '\\0')} cannot be written: ${reason}. Name another one.`);
}

/** Fails now, and not after hours of work, where a file cannot be written; leaves none behind. @throws UserError naming it */
export async function checkWritable(path: string): Promise<void> {
  const before = existsSync(path);
  try {
    await (await open(path, 'a')).close();
    if (!before) await rm(path);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Writes a file of the user's. @throws UserError naming it where it cannot be written */
export async function writeOutput(path: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Writes a file of the user's as a whole or not at all: what stood there stays until the new content is complete. @throws UserError as above */
export async function replaceOutput(path: string, content: string): Promise<void> {
  // A device or a pipe has no content to keep.
  if (existsSync(path) && !(await stat(path)).isFile()) return writeOutput(path, content);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw unwritable(path, error);
  }
}

/** Writes a file, the folder that it lies in made first. */
export async function writeInFolder(path: string, content: string | Uint8Array): Promise<void> {
  await folderOf(path);
  await writeOutput(path, content);
}

/** Makes the folder that a file is to lie in, and fails where the file cannot be written there. */
export async function checkInFolder(path: string): Promise<void> {
  await folderOf(path);
  await checkWritable(path);
}

async function folderOf(path: string): Promise<void> {
  const folder = dirname(path);
  try {
    await makeFolder(resolve(folder));
  } catch (error) {
    throw unwritable(folder, error);
  }
}

/**
 * As `mkdir` with `recursive`, which never returns where a file system refuses every new folder (/proc).
 * @param path absolute
 */
export async function makeFolder(path: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (!existsSync(dirname(path))) await makeFolder(dirname(path));
  await mkdir(path);
}
