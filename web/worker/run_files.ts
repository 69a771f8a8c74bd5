import { UserError } from '../../src/gpu/errors.ts';
import { RUN_FILES } from '../../src/train/rundir.ts';
import { filesOf } from './opfs_store.ts';

/** A file as the reader gave it, with its path in what was picked. */
export interface GivenFile {
  readonly path: string;
  readonly file: File;
}

interface RunFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface RunFiles {
  /** The folder's name. */
  readonly name: string;
  readonly files: readonly RunFile[];
}

/**
 * The files of the run folder that a picked folder, a list of files with their paths, or a zip archive holds: those beside the
 * configuration that lies least deep.
 */
export async function runFilesOf(given: FileSystemDirectoryHandle | readonly GivenFile[]): Promise<RunFiles> {
  if ('kind' in given) {
    const files = await filesOf(given);
    return { name: given.name, files: await Promise.all(files.map(async (file) => named(file.name, file))) };
  }
  const [first] = given;
  if (!first) throw new UserError('Nothing was picked: pick a run folder, or a zip archive of one.');
  const isArchive = given.length === 1 && /\.zip$/i.test(first.file.name);
  const all = isArchive
    ? await (await import('./zip.ts')).unzipped(first.file)
    : await Promise.all(
        given.map(async ({ path, file }) => ({ path, bytes: new Uint8Array(await file.arrayBuffer()) })),
      );
  const depth = (path: string) => path.split('/').length;
  const config = all
    .filter(({ path }) => path.split('/').at(-1) === RUN_FILES.config)
    .sort((a, b) => depth(a.path) - depth(b.path))[0];
  const folder = config?.path.slice(0, -RUN_FILES.config.length) ?? '';
  const name = folder.split('/').at(-2) ?? (isArchive ? first.file.name.replace(/\.zip$/i, '') : first.path);
  const beside = all.filter(({ path }) => path.startsWith(folder) && !path.slice(folder.length).includes('/'));
  return { name, files: beside.map(({ path, bytes }) => ({ name: path.slice(folder.length), bytes })) };
}

async function named(name: string, file: File): Promise<RunFile> {
  return { name, bytes: new Uint8Array(await file.arrayBuffer()) };
}
