import { InvalidArgumentError } from 'commander';

interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** Parses an option's value as a whole number; what is outside of the range is the user's mistake. */
export function integer(range: Range = {}): (text: string) => number {
  return (text) => {
    if (!/^[+-]?\d+$/.test(text)) throw new InvalidArgumentError(`It must be a whole number${spell(range)}.`);
    return within(Number(text), range);
  };
}

/** Parses whole numbers with commas between them, in their order. */
export function integers(range: Range = {}): (text: string) => number[] {
  const one = integer(range);
  return (text) => text.split(',').map((part) => one(part.trim().replace('−', '-')));
}

/** The same in ascending order, each once. */
export function ascending(range: Range = {}): (text: string) => number[] {
  const all = integers(range);
  return (text) => [...new Set(all(text))].sort((a, b) => a - b);
}

/** Parses an option's value as a finite number. */
export function number(range: Range = {}): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value)) throw new InvalidArgumentError(`It must be a number${spell(range)}.`);
    return within(value, range);
  };
}

function within(value: number, range: Range): number {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = range;
  if (value < min || value > max) throw new InvalidArgumentError(`It must be${spell(range)}.`);
  return value;
}

function spell({ min, max }: Range): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max !== undefined ? ` of at most ${max}` : '';
}
