/** Pairs (row, target) of the head, sorted by row. */
export interface Pairs {
  readonly rows: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
}

/** Copies the targets' logits out of the tile [v0, v0 + vt); `picked` elsewhere stays as it was. */
export function headPick(
  logits: Float64Array,
  pairs: Pairs,
  picked: Float64Array,
  o: { v0: number; vt: number; stride: number },
): Float64Array {
  return picked.map((before, p) => {
    const column = (pairs.targets[p] as number) - o.v0;
    if (column < 0 || column >= o.vt) return before;
    return logits[(pairs.rows[p] as number) * o.stride + column] as number;
  });
}

/**
 * The running softmax after one more tile, computed from the definition: `seen` holds all logits of the tiles so far and
 * of this one, [R, seenColumns]. Returns the tile's exp(l - m) (zero behind vt up to a multiple of 4, `logits` beyond),
 * stats [R, 4] and rescale [R].
 */
export function headUpdate(
  logits: Float64Array,
  earlier: Float64Array,
  o: { rows: number; vt: number; stride: number; earlierColumns: number; keep: boolean },
): { logits: Float64Array; stats: Float64Array; rescale: Float64Array } {
  const probabilities = Float64Array.from(logits);
  const stats = new Float64Array(4 * o.rows);
  const rescale = new Float64Array(o.rows);
  for (let r = 0; r < o.rows; r++) {
    const old = earlier.slice(r * o.earlierColumns, (r + 1) * o.earlierColumns);
    const tile = logits.slice(r * o.stride, r * o.stride + o.vt);
    const mOld = old.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const m = tile.reduce((a, b) => Math.max(a, b), mOld);
    const all = [...old, ...tile];
    const s = all.reduce((sum, l) => sum + Math.exp(l - m), 0);
    const t = all.reduce((sum, l) => sum + (l - m) * Math.exp(l - m), 0);
    const factor = o.earlierColumns > 0 ? Math.exp(mOld - m) : 0;
    stats.set([m, s, t, factor], 4 * r);
    rescale[r] = factor;
    if (!o.keep) continue;
    const end = Math.ceil(o.vt / 4) * 4;
    for (let c = 0; c < end; c++) probabilities[r * o.stride + c] = c < o.vt ? Math.exp((tile[c] as number) - m) : 0;
  }
  return { logits: probabilities, stats, rescale };
}

/** logp[p] = picked[p] - m - ln s, entropy[r] = ln s - t / s from stats [R, 4] = (m, s, t, -). */
export function headFinish(
  stats: Float64Array,
  pairRows: ArrayLike<number>,
  picked: Float64Array,
  rows: number,
): { logp: Float64Array; entropy: Float64Array } {
  const at = (r: number, i: number) => stats[4 * r + i] as number;
  return {
    logp: picked.map((l, p) => l - at(pairRows[p] as number, 0) - Math.log(at(pairRows[p] as number, 1))),
    entropy: Float64Array.from({ length: rows }, (_, r) => Math.log(at(r, 1)) - at(r, 2) / at(r, 1)),
  };
}

/** dhidden [R, C] from acc [R, C] = Σ_v exp(l_v - m) W_v, stats, the pairs, coef [P] and weight [V, C]. */
export function headBackward(
  t: { acc: Float64Array; stats: Float64Array; coef: Float64Array; weight: Float64Array },
  pairs: Pairs,
  o: { rows: number; c: number; invTemperature: number },
): Float64Array {
  const dhidden = new Float64Array(o.rows * o.c);
  for (let p = 0; p < pairs.rows.length; p++) {
    const r = pairs.rows[p] as number;
    for (let j = 0; j < o.c; j++) {
      const mean = (t.acc[r * o.c + j] as number) / (t.stats[4 * r + 1] as number);
      const own = t.weight[(pairs.targets[p] as number) * o.c + j] as number;
      dhidden[r * o.c + j] = (dhidden[r * o.c + j] as number) + o.invTemperature * (t.coef[p] as number) * (own - mean);
    }
  }
  return dhidden;
}

/** Log-probability of each pair's target under softmax(hidden Wᵀ / temperature), and each row's entropy, in one piece. */
export function headForward(
  hidden: Float64Array,
  weight: Float64Array,
  pairs: Pairs,
  o: { rows: number; c: number; v: number; temperature: number },
): { logp: Float64Array; entropy: Float64Array; expected: Float64Array } {
  const logp = new Float64Array(pairs.rows.length);
  const entropy = new Float64Array(o.rows);
  const expected = new Float64Array(o.rows * o.c);
  for (let r = 0; r < o.rows; r++) {
    const logits = new Float64Array(o.v);
    for (let v = 0; v < o.v; v++) {
      for (let j = 0; j < o.c; j++) {
        logits[v] =
          (logits[v] as number) + ((hidden[r * o.c + j] as number) * (weight[v * o.c + j] as number)) / o.temperature;
      }
    }
    const m = logits.reduce((a, b) => Math.max(a, b));
    const lse = m + Math.log(logits.reduce((sum, l) => sum + Math.exp(l - m), 0));
    for (let v = 0; v < o.v; v++) {
      const p = Math.exp((logits[v] as number) - lse);
      entropy[r] = (entropy[r] as number) - p * ((logits[v] as number) - lse);
      for (let j = 0; j < o.c; j++) {
        expected[r * o.c + j] = (expected[r * o.c + j] as number) + p * (weight[v * o.c + j] as number);
      }
    }
    for (let p = 0; p < pairs.rows.length; p++) {
      if (pairs.rows[p] === r) logp[p] = (logits[pairs.targets[p] as number] as number) - lse;
    }
  }
  return { logp, entropy, expected };
}
