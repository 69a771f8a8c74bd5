import type { Heads } from './rope.ts';

/** The k and v heads of the rows `paths` [M] of qkv [N, (H + 2 Hkv) D], [M, 2 Hkv D]. */
export function pathKeys(qkv: Float64Array, paths: Float64Array, o: Omit<Heads, 'n'>): Float64Array {
  const width = 2 * o.kvHeads * o.headDim;
  const before = o.heads * o.headDim;
  const out = new Float64Array(paths.length * width);
  paths.forEach((row, m) => {
    const start = row * (before + width) + before;
    out.set(qkv.subarray(start, start + width), m * width);
  });
  return out;
}
