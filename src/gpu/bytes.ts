const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const FACTORS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const BYTES = /^(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?$/i;

/** `1.5 GiB`, `640 KiB`, `12 B`: binary units, at most one decimal. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (Math.round(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? Number(value.toFixed(1)) : Math.round(value)} ${UNITS[unit]}`;
}

/** `1.5GiB`, `512 MB` (binary units both ways) or a plain count of bytes; undefined for anything else. */
export function parseBytes(value: string | number): number | undefined {
  const match = BYTES.exec(String(value).trim());
  const bytes = match ? Math.floor(Number(match[1]) * (FACTORS[(match[2] ?? '').toUpperCase()] ?? 1)) : 0;
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}
