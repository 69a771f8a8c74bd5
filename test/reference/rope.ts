export interface Heads {
  readonly n: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * Hugging Face's apply_rotary_pos_emb written out: x * cos + rotate_half(x) * sin on the q and k heads of qkv
 * [N, (H + 2 Hkv) D], rotate_half(x) = (-x[D/2:], x[:D/2]). `table` [maxPos, D/2, 2] holds cos and sin.
 */
export function rope(
  qkv: Float64Array,
  positions: Float64Array,
  table: Float64Array,
  o: Heads & { inverse?: boolean },
): Float64Array {
  const half = o.headDim / 2;
  const out = qkv.slice();
  for (let row = 0; row < o.n; row++) {
    for (let head = 0; head < o.heads + o.kvHeads; head++) {
      const base = (row * (o.heads + 2 * o.kvHeads) + head) * o.headDim;
      for (let d = 0; d < o.headDim; d++) {
        const entry = ((positions[row] as number) * half + (d % half)) * 2;
        const cos = table[entry] as number;
        const sin = (o.inverse ? -1 : 1) * (table[entry + 1] as number);
        const rotated = d < half ? -(qkv[base + d + half] as number) : (qkv[base + d - half] as number);
        out[base + d] = (qkv[base + d] as number) * cos + rotated * sin;
      }
    }
  }
  return out;
}

/** cache [rows, 2 Hkv D] after every row of qkv has copied its k and v heads along its chain of places [P, 4]. */
export function kvWrite(qkv: Float64Array, places: Float64Array, cache: Float64Array, o: Heads): Float64Array {
  const out = cache.slice();
  const width = 2 * o.kvHeads * o.headDim;
  for (let row = 0; row < o.n; row++) {
    const from = row * (o.heads * o.headDim + width) + o.heads * o.headDim;
    for (let at = places[4 * row + 3] as number; at !== 2 ** 32 - 1; at = places[4 * at + 2] as number) {
      out.set(qkv.subarray(from, from + width), (places[4 * at + 1] as number) * width);
    }
  }
  return out;
}
