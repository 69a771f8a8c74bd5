import { unzipSync, type Zippable, zipSync } from 'fflate';
import { UserError } from '../../src/gpu/errors.ts';

/** An archive of a folder's files. */
export async function zipOf(folder: string, files: readonly File[]): Promise<Blob> {
  const content: Zippable = {};
  for (const file of files) {
    content[`${folder}/${file.name}`] = [
      new Uint8Array(await file.arrayBuffer()),
      { mtime: new Date(file.lastModified) },
    ];
  }
  const bytes = zipSync(content, { level: 6 });
  return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/zip' });
}

/** The files of an archive by their paths. @throws UserError for what is no archive */
export async function unzipped(file: File): Promise<{ path: string; bytes: Uint8Array }[]> {
  const archive = new Uint8Array(await file.arrayBuffer());
  let content: Record<string, Uint8Array>;
  try {
    content = unzipSync(archive);
  } catch (error) {
    throw new UserError(`${file.name} cannot be read as a zip archive: ${(error as Error).message}.`);
  }
  return Object.entries(content)
    .filter(([path]) => !path.endsWith('/'))
    .map(([path, bytes]) => ({ path, bytes }));
}
