import { UserError } from '../gpu/errors.ts';

/** Reads values out of a JSON object; its errors name the file and the key. null counts as absent, as in Python. */
export class ConfigKeys {
  readonly where: string;
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #prefix: string;

  constructor(json: unknown, where: string, prefix = '') {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new UserError(
        `${where}: ${prefix ? `${prefix.slice(0, -1)} is ${show(json)}, ` : ''}a JSON object is expected.`,
      );
    }
    this.where = where;
    this.#object = json as Record<string, unknown>;
    this.#prefix = prefix;
  }

  value(key: string): unknown {
    return Object.hasOwn(this.#object, key) ? (this.#object[key] ?? undefined) : undefined;
  }

  /** Whether the key is there with the value null: a default is then not wanted. */
  isNull(key: string): boolean {
    return Object.hasOwn(this.#object, key) && this.#object[key] === null;
  }

  error(key: string, problem: string): UserError {
    return new UserError(`${this.where}: ${this.#prefix}${key} ${problem}`);
  }

  count(key: string, missing?: number): number {
    return this.#number(key, missing, 'a positive whole number', (n) => Number.isSafeInteger(n) && n > 0);
  }

  positive(key: string, missing?: number): number {
    return this.#number(key, missing, 'a positive number', (n) => Number.isFinite(n) && n > 0);
  }

  flag(key: string): boolean {
    const value = this.value(key) ?? false;
    if (typeof value !== 'boolean') {
      throw this.error(key, `is ${show(value)}; true or false is expected.`);
    }
    return value;
  }

  /** A text, or a list of texts; empty where there is none. */
  texts(key: string): string[] {
    const value = this.value(key) ?? [];
    const all: unknown[] = Array.isArray(value) ? value : [value];
    const odd = all.find((text) => typeof text !== 'string');
    if (odd !== undefined) {
      throw this.error(key, `has ${show(odd)}; a list of texts is expected.`);
    }
    return all as string[];
  }

  tokenIds(key: string, vocabSize: number): number[] {
    const value = this.value(key) ?? [];
    const ids: unknown[] = Array.isArray(value) ? value : [value];
    for (const id of ids) {
      if (!Number.isSafeInteger(id) || (id as number) < 0 || (id as number) >= vocabSize) {
        throw this.error(
          key,
          `has ${show(id)}; a token below vocab_size ${vocabSize}, or a list of them, is expected.`,
        );
      }
    }
    return ids as number[];
  }

  #number(key: string, missing: number | undefined, expected: string, valid: (value: number) => boolean): number {
    const value = this.value(key) ?? missing;
    if (value === undefined) {
      throw this.error(key, `is missing; ${expected} is expected.`);
    }
    if (typeof value !== 'number' || !valid(value)) {
      throw this.error(key, `is ${show(value)}; ${expected} is expected.`);
    }
    return value;
  }
}

/** A value as it stands in the file. */
export function show(value: unknown): string {
  return JSON.stringify(value) ?? 'missing';
}
