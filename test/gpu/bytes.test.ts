import { describe, expect, it } from 'vitest';
import { formatBytes, parseBytes } from '../../src/gpu/bytes.ts';

describe('formatBytes', () => {
  it('writes binary units with at most one decimal', () => {
    const written = ['12 B', '1023 B', '1 KiB', '1.5 KiB', '640 KiB', '1.5 GiB'];
    expect([12, 1023, 1024, 1536, 655360, 1.5 * 2 ** 30].map(formatBytes)).toEqual(written);
  });
});

describe('parseBytes', () => {
  it.each([
    ['4GiB', 4 * 2 ** 30],
    ['1.5 gb', 1.5 * 2 ** 30],
    ['500M', 500 * 2 ** 20],
    ['1024', 1024],
    [2048, 2048],
  ])('reads %j', (value, expected) => {
    expect(parseBytes(value)).toBe(expected);
  });

  it.each(['', '0', '-1GiB', 'GiB', '4 TiB', '1e99'])('refuses %j', (value) => {
    expect(parseBytes(value)).toBeUndefined();
  });
});
