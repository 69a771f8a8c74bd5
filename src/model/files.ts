import { UserError } from '../gpu/errors.ts';
import type { ModelFolder, RandomAccess } from '../gpu/platform.ts';

export type { ModelFolder, RandomAccess };

/**
 * `length` bytes from `offset`, in a buffer whose first byte is aligned for every typed array.
 * @throws UserError when the file ends before
 */
export async function readExactly(file: RandomAccess, offset: number, length: number): Promise<Uint8Array> {
  const end = offset + length;
  const bytes = end <= file.size ? await file.read(offset, length) : undefined;
  if (bytes?.length !== length) {
    throw new UserError(
      `${file.name} is truncated: bytes ${offset} to ${end} are needed, it ends at ${bytes ? offset + bytes.length : file.size}. ` +
        'Copy or download it again.',
    );
  }
  // A Node Buffer may be a window into a pool that starts anywhere.
  return bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
}

/** Text of bytes. @throws UserError where they are no UTF-8: other encodings would be read as other characters */
export function utf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(`${where} is not UTF-8 text. Convert it (iconv -f latin1 -t utf-8) or take another file.`);
  }
}

/** Whoever keeps files on a server chooses their paths: none may lead out of the folder in which they are stored here. */
export function isSafePath(path: string): boolean {
  return !/[\\:]/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** The file under another name in messages, such as its path within a folder. */
export function named(file: RandomAccess, name: string): RandomAccess {
  return { name, size: file.size, read: (offset, length) => file.read(offset, length), close: () => file.close() };
}

/** The text of `file`, or undefined where the folder has none. */
export async function readTextIfThere(folder: ModelFolder, file: string): Promise<string | undefined> {
  const access = await folder.open(file);
  if (!access) {
    return undefined;
  }
  try {
    const name = `${folder.name}/${file}`;
    return utf8(await readExactly(named(access, name), 0, access.size), name);
  } finally {
    await access.close();
  }
}

/** @throws UserError when the folder has no such file */
async function readText(folder: ModelFolder, file: string): Promise<string> {
  const text = await readTextIfThere(folder, file);
  if (text === undefined) {
    throw new UserError(
      `${folder.name} has no ${file}. A model is a folder with config.json, model.safetensors and tokenizer.json, or one .gguf file.`,
    );
  }
  return text;
}

/** The value in a JSON file, or undefined where the folder has none. @throws UserError when it is not JSON */
export async function readJsonIfThere(folder: ModelFolder, file: string): Promise<unknown> {
  const text = await readTextIfThere(folder, file);
  return text === undefined ? undefined : parseJson(text, `${folder.name}/${file}`);
}

/** @throws UserError when the folder has no such file or it is not JSON */
export async function readJson(folder: ModelFolder, file: string): Promise<unknown> {
  return parseJson(await readText(folder, file), `${folder.name}/${file}`);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${where} is not valid JSON: ${(error as Error).message}`);
  }
}

export function memoryFile(name: string, bytes: Uint8Array): RandomAccess {
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => new Uint8Array(bytes.subarray(offset, offset + length)),
    close: async () => {},
  };
}

export function blobFile(blob: Blob, name = blob instanceof File ? blob.name : 'blob'): RandomAccess {
  return {
    name,
    size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
    close: async () => {},
  };
}
