/** The header of a GGUF file: its metadata and the table of its tensors, through the library of the Hub's own makers. */
import { UserError } from '../gpu/errors.ts';
import { type RandomAccess, readExactly } from './files.ts';

/** Whether the file begins with GGUF's magic number. */
export async function isGguf(file: RandomAccess): Promise<boolean> {
  return file.size >= 4 && new TextDecoder().decode(await readExactly(file, 0, 4)) === 'GGUF';
}

/** The metadata alone. @throws UserError for a broken file */
export async function readGgufMetadata(file: RandomAccess): Promise<Metadata> {
  return new Metadata((await readGgufHeader(file)).metadata, file.name);
}

/** @throws UserError for a broken file */
export async function readGgufHeader(file: RandomAccess) {
  const { gguf } = await import('@huggingface/gguf');
  // The library reads over HTTP: it gets a server of one file.
  const serve = async (_url: unknown, init?: RequestInit): Promise<Response> => {
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get('range') ?? '') ?? [];
    const begin = Number(first);
    const end = Math.min(Number(last) + 1, file.size);
    if (begin >= end) {
      throw truncated();
    }
    return new Response((await readExactly(file, begin, end - begin)) as BodyInit);
  };
  const truncated = () =>
    new UserError(
      `${file.name} is truncated: it ends at byte ${file.size}, within its header. Copy or download it again.`,
    );
  try {
    const header = await gguf('https://localhost/model.gguf', { fetch: serve as typeof fetch });
    // What lies beyond the file reads as zeros there.
    if (header.tensorInfoByteRange[1] > file.size) {
      throw truncated();
    }
    if (!header.littleEndian) {
      throw new UserError(
        `${file.name} is a big-endian GGUF file. Convert it (llama.cpp's gguf-convert-endian) or take another.`,
      );
    }
    return header;
  } catch (error) {
    if (error instanceof UserError) {
      throw error;
    }
    throw new UserError(`${file.name} cannot be read as GGUF: ${(error as Error).message}`);
  }
}

/** Reads typed values out of GGUF metadata; its errors name file and key. */
export class Metadata {
  readonly where: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: object, where: string) {
    this.#values = values as Record<string, unknown>;
    this.where = where;
  }

  optional(key: string): unknown {
    const value = Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
    return typeof value === 'bigint' ? Number(value) : value;
  }

  error(key: string, problem: string): UserError {
    return new UserError(`${this.where}: ${key} ${problem}`);
  }

  text(key: string): string {
    const value = this.optional(key);
    if (typeof value !== 'string') {
      throw this.error(key, 'is missing, or is not text.');
    }
    return value;
  }

  number(key: string): number {
    const value = this.optional(key);
    if (typeof value !== 'number') {
      throw this.error(key, 'is missing, or is not one number.');
    }
    return value;
  }

  numberOr(key: string, missing: number): number {
    return this.optional(key) === undefined ? missing : this.number(key);
  }
}
