import { sha256 } from './digest.ts';

/** Which variants launchers take on a device, where several would do. It is fixed before anything is computed that must have the same bits later. */
export interface Tuning {
  /** How products add their terms: a `LinearOrder`. */
  readonly order: string;
  /** Variants by what is asked for: those of one order have the same bits. */
  readonly choices: Readonly<Record<string, string>>;
}

/** Nothing measured: the launchers' own choice. */
export const UNTUNED: Tuning = { order: 'sequential', choices: {} };

/** Whether two tunings take the same variants. */
export function sameTuning(a: Tuning, b: Tuning): boolean {
  const [keys, others] = [Object.keys(a.choices), Object.keys(b.choices)];
  return a.order === b.order && keys.length === others.length && keys.every((key) => a.choices[key] === b.choices[key]);
}

/** A tuning with what it was measured on. */
export interface TuningFile extends Tuning {
  readonly adapter: string;
  /** Digest of the shaders. */
  readonly kernels: string;
}

export function writeTuning(file: TuningFile): string {
  return `${JSON.stringify({ format: 1, ...file }, null, 1)}\n`;
}

/** Undefined for what is no tuning of this format. */
export function parseTuning(text: string): TuningFile | undefined {
  let value: Partial<TuningFile> & { format?: unknown };
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { format, order, choices, adapter, kernels } = value ?? {};
  const texts = [order, adapter, kernels].every((x) => typeof x === 'string');
  const named = typeof choices === 'object' && choices !== null;
  if (format !== 1 || !texts || !named || !Object.values(choices).every((x) => typeof x === 'string')) return undefined;
  return { order, choices, adapter, kernels } as TuningFile;
}

/** Name of an adapter's file in the cache: the adapter's name has its driver in it where the driver tells one. */
export async function tuningName(adapter: string): Promise<string> {
  return `tuning-${(await sha256(new TextEncoder().encode(adapter))).slice(0, 16)}.json`;
}
