import { UserError } from './errors.ts';

/** The private file system of the page's origin. @throws UserError where the browser has none, or the page may not use it */
async function root(): Promise<FileSystemDirectoryHandle> {
  if (!navigator.storage?.getDirectory) {
    throw new UserError('This page has no storage of its own (OPFS): open it from https:// or http://localhost.');
  }
  return navigator.storage.getDirectory();
}

/** A folder of the page's private file system, made where it is not there. @throws UserError where the page has none */
export async function privateFolder(...path: readonly string[]): Promise<FileSystemDirectoryHandle> {
  let folder = await root();
  for (const name of path) folder = await folder.getDirectoryHandle(name, { create: true });
  return folder;
}

/** The same; undefined where it is not there. */
export async function privateFolderIfThere(...path: readonly string[]): Promise<FileSystemDirectoryHandle | undefined> {
  let folder: FileSystemDirectoryHandle | undefined = await root();
  for (const name of path) folder = folder && (await unlessMissing(folder.getDirectoryHandle(name)));
  return folder;
}

/** Undefined for a file or folder that is not there. */
export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if ((error as DOMException).name === 'NotFoundError') return undefined;
    throw error;
  }
}
