const LONGEST = 80;

/** A value as JSON, for a message; what JSON cannot say (it is too deep, or holds itself) in words, undefined as `missing`. */
export function inJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? (value === undefined ? 'missing' : String(value));
  } catch {
    return Array.isArray(value)
      ? 'a list that is too deep, or holds itself'
      : 'an object that is too deep, or holds itself';
  }
}

/** The same cut where it is long, and a text without its quotes. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : inJson(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
