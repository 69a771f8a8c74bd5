import type { Matrix } from '../gpu/matrix.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { type AttentionLayout, attention as attentionKernel } from '../kernels/attention.ts';
import type { AttentionTensors } from '../kernels/attention_map.ts';
import { partialFloats } from '../kernels/attention_pieces.ts';
import { headFinish, headPick, headUpdate } from '../kernels/head.ts';
import { gatedProduct, gatesMatrix, matrixProduct, matrixProductBackward, matrixRows } from '../kernels/matrix.ts';
import { pathKeys } from '../kernels/path_keys.ts';
import { qkNorm as qkNormKernel } from '../kernels/qk_norm.ts';
import { residualAdd as residualAddKernel } from '../kernels/residual_add.ts';
import { residualNorm as residualNormKernel, rmsnorm as rmsnormKernel } from '../kernels/rmsnorm.ts';
import { rope as ropeKernel } from '../kernels/rope.ts';
import { ropeKv } from '../kernels/rope_kv.ts';
import { gatherRows as gatherRowsKernel } from '../kernels/rows.ts';
import { swiglu as swigluKernel } from '../kernels/swiglu.ts';
import type { HeadPairs, HeadShape } from './rules.ts';
import { Tape } from './tape.ts';
import type { Value } from './value.ts';

/** `out[n] = weight[ids[n]]`, [N, C]. Nothing below it trains, so it is never recorded. */
export function embedding(tape: Tape, ids: Tensor, weight: Matrix, n: number): Value {
  const out = tape.value([n, weight.columns], 'embed', false);
  matrixRows(tape.rec, { ids, weight, out: out.tensor }, n);
  return out;
}

/** What an RMSNorm multiplies with, and what it adds to the mean of the squares. */
export interface Norm {
  readonly weight: Tensor;
  readonly eps: number;
}

/** `inp * rsqrt(mean(inp²) + eps) * weight`, [N, C] (Zhang & Sennrich 2019). */
export function rmsnorm(tape: Tape, inp: Value, { weight, eps }: Norm): Value {
  const [n, c] = inp.tensor.shape as [number, number];
  const out = tape.value([n, c], 'normed', inp.requiresGrad);
  const rstd = tape.value([n], 'rstd', false);
  rmsnormKernel(tape.rec, { inp: inp.tensor, weight, out: out.tensor, rstd: rstd.tensor }, { n, c, eps });
  tape.record({ op: 'rmsnorm', out, saved: [inp, rstd], inp, weight, rstd, n, c });
  tape.release(rstd);
  return out;
}

/** `inp Wᵀ + bias`, [M, N]; weight [N, K]. */
export function linear(tape: Tape, inp: Value, weight: Matrix, label: string, bias?: Tensor): Value {
  const m = inp.tensor.shape[0] as number;
  const out = tape.value([m, weight.rows], label, inp.requiresGrad);
  matrixProduct(tape.rec, { inp: inp.tensor, weight, bias, out: out.tensor }, { m });
  tape.record({ op: 'linear', out, saved: [], inp, weight, m });
  return out;
}

/**
 * RMSNorm of every q and k head of qkv [N, (H + 2 Hkv) D] by itself, in place: the value is its own input, and so is its
 * gradient. `weight` [2 D]. The heads as they were are kept for the gradient only.
 */
export function qkNorm(tape: Tape, qkv: Value, { weight, eps }: Norm, shape: HeadShape): void {
  const n = qkv.tensor.shape[0] as number;
  if (qkv.requiresGrad) {
    const inp = tape.keeps ? tape.borrow(qkv.tensor) : tape.value(qkv.tensor.shape, 'qkv before its norm', false);
    if (!tape.keeps) tape.rec.copy(qkv.tensor, inp.tensor);
    tape.record({ op: 'qk_norm', out: qkv, saved: [inp], inp, weight, n, shape, eps });
    tape.release(inp);
  }
  qkNormKernel(tape.rec, { qkv: qkv.tensor, weight }, { n, ...shape, eps });
}

/**
 * Rotates the q and k heads of qkv [N, (H + 2 Hkv) D] in place (Su et al. 2021, halves paired as Hugging Face does): the
 * value is its own input, and so is its gradient. Where there is a cache, k and v are written to their `places` in it.
 */
export function rope(
  tape: Tape,
  qkv: Value,
  positions: Tensor,
  table: Tensor,
  shape: HeadShape,
  cache?: { kv: Tensor; places: Tensor },
): void {
  const n = qkv.tensor.shape[0] as number;
  const rotation = { qkv: qkv.tensor, positions, table };
  if (cache) ropeKv(tape.rec, { ...rotation, places: cache.places, cache: cache.kv }, { n, ...shape });
  else ropeKernel(tape.rec, rotation, { n, ...shape });
  tape.record({ op: 'rope', out: qkv, saved: [], positions, table, n, shape });
}

/** Sees what attention took and gave, as `attentionMap` takes it; the tensors are the viewer's only until it returns. */
export type AttentionViewer = (t: AttentionTensors, layout: AttentionLayout) => void;

/**
 * Causal attention within each row's two key ranges, [N, H D]: of rows of `qkv`, of `paths`, which index those, or of the cache where
 * one is given, which `rope` has written to.
 */
export function attention(
  tape: Tape,
  qkv: Value,
  tables: { ranges: Tensor; paths?: Tensor | undefined; keyQueries?: Tensor | undefined },
  shape: HeadShape,
  cache?: { kv: Tensor; apart: boolean; pieces?: number | undefined },
  viewer?: AttentionViewer,
): Value {
  const n = qkv.tensor.shape[0] as number;
  const { heads, kvHeads, headDim } = shape;
  const qStride = (heads + 2 * kvHeads) * headDim;
  const scale = 1 / Math.sqrt(headDim);
  const out = tape.value([n, heads * headDim], 'attended', qkv.requiresGrad);
  const lse = tape.value([n, heads], 'lse', false);
  const { paths } = tables;
  const m = paths?.shape[0] as number;
  const ordered = paths && tape.value([m, 2 * kvHeads * headDim], 'keys of paths', false);
  if (ordered) pathKeys(tape.rec, { qkv: qkv.tensor, paths, out: ordered.tensor }, { m, ...shape });
  const keys =
    cache || ordered
      ? { kvStride: 2 * kvHeads * headDim, kOffset: 0, vOffset: kvHeads * headDim }
      : { kvStride: qStride, kOffset: heads * headDim, vOffset: (heads + kvHeads) * headDim };
  const pieces = cache?.pieces ?? 0;
  const layout = { n, ...shape, qStride, ...keys, scale, apart: cache?.apart === true, pieces };
  const partials = pieces > 0 ? tape.value([partialFloats(layout, pieces)], 'partial softmaxes', false) : undefined;
  const seen = {
    q: qkv.tensor,
    kv: cache?.kv ?? ordered?.tensor ?? qkv.tensor,
    ranges: tables.ranges,
    lse: lse.tensor,
  };
  attentionKernel(tape.rec, { ...seen, out: out.tensor, ...(partials && { partials: partials.tensor }) }, layout);
  viewer?.(seen, layout);
  tape.release(partials, ordered);
  if (out.requiresGrad) {
    const { ranges, keyQueries } = tables;
    if (!keyQueries && !tape.keeps)
      throw new Error('attention needs the inverse table (key to queries) for its gradient');
    if (cache && !tape.keeps) throw new Error('attention over a cache has no gradient: keys of other calls are in it');
    tape.record({
      op: 'attention',
      out,
      saved: [qkv, out, lse],
      qkv,
      attended: out,
      lse,
      ranges,
      paths,
      keyQueries: keyQueries ?? ranges,
      n,
      shape,
      scale,
    });
  }
  tape.release(lse);
  return out;
}

/** `silu(gate) * up`, [N, F], from gate_up [N, 2F] (Shazeer 2020). */
export function swiglu(tape: Tape, gateUp: Value): Value {
  const [n, twice] = gateUp.tensor.shape as [number, number];
  const f = twice / 2;
  const out = tape.value([n, f], 'act', gateUp.requiresGrad);
  swigluKernel(tape.rec, { gateUp: gateUp.tensor, out: out.tensor }, { n, f });
  tape.record({ op: 'swiglu', out, saved: [gateUp], gateUp, n, f });
  return out;
}

/** Whether `gatedLinear` may stand for `linear` and `swiglu`: where it is faster, and nothing needs gates and ups for the gradient. */
export function gates(tape: Tape, inp: Value, weight: Matrix, bias?: Tensor): boolean {
  const m = inp.tensor.shape[0] as number;
  return !inp.requiresGrad && gatesMatrix(tape.device, weight, { m, bias: bias !== undefined });
}

/** `swiglu` of `linear` with a matrix of gates and ups [2F, C], [N, F], in one and with the same bits. */
export function gatedLinear(tape: Tape, inp: Value, weight: Matrix, bias?: Tensor): Value {
  const m = inp.tensor.shape[0] as number;
  const out = tape.value([m, weight.rows / 2], 'act', false);
  gatedProduct(tape.rec, { inp: inp.tensor, weight, bias, out: out.tensor }, { m });
  return out;
}

/** `inp + branch (+ scale · steering[layer])`, [N, C]: the paper's intervention where `steering` is given. */
export function residualAdd(
  tape: Tape,
  inp: Value,
  branch: Value,
  label: string,
  steering?: { tensor: Tensor; layer: number; scale: number },
): Value {
  const [n, c] = inp.tensor.shape as [number, number];
  const trains = steering !== undefined && tape.target?.layers.has(steering.layer) === true;
  const out = tape.value([n, c], label, trains || inp.requiresGrad || branch.requiresGrad);
  const layer = steering?.layer;
  const scale = steering?.scale ?? 0;
  residualAddKernel(
    tape.rec,
    { inp: inp.tensor, branch: branch.tensor, out: out.tensor, ...(steering && { steering: steering.tensor }) },
    { n, c, layer: layer ?? 0, scale },
  );
  tape.record({ op: 'residual_add', out, saved: [], inp, branch, layer, scale, n, c });
  return out;
}

/** `residualAdd` and `rmsnorm` of its result in one, [N, C] both, with their bits and their rules. */
export function residualNorm(
  tape: Tape,
  inp: Value,
  branch: Value,
  label: string,
  norm: Norm,
  steering?: { tensor: Tensor; layer: number; scale: number },
): { resid: Value; normed: Value } {
  const [n, c] = inp.tensor.shape as [number, number];
  const { weight, eps } = norm;
  const trains = steering !== undefined && tape.target?.layers.has(steering.layer) === true;
  const resid = tape.value([n, c], label, trains || inp.requiresGrad || branch.requiresGrad);
  const normed = tape.value([n, c], 'normed', resid.requiresGrad);
  const rstd = tape.value([n], 'rstd', false);
  const layer = steering?.layer;
  const scale = steering?.scale ?? 0;
  residualNormKernel(
    tape.rec,
    {
      inp: inp.tensor,
      branch: branch.tensor,
      steering: steering?.tensor,
      weight,
      resid: resid.tensor,
      rstd: rstd.tensor,
      out: normed.tensor,
    },
    { n, c, layer: layer ?? 0, scale, eps },
  );
  tape.record({ op: 'residual_add', out: resid, saved: [], inp, branch, layer, scale, n, c });
  tape.record({ op: 'rmsnorm', out: normed, saved: [resid, rstd], inp: resid, weight, rstd, n, c });
  tape.release(rstd);
  return { resid, normed };
}

/** `out[r] = inp[rows[r]]`, [R, C]. The rows must be distinct if a gradient is wanted. */
export function gatherRows(tape: Tape, inp: Value, rows: Tensor, r: number): Value {
  const c = inp.tensor.shape[1] as number;
  const out = tape.value([r, c], 'rows', inp.requiresGrad);
  gatherRowsKernel(tape.rec, { inp: inp.tensor, rows, out: out.tensor }, { r, c });
  tape.record({ op: 'gather_rows', out, saved: [], inp, rows, r, c });
  return out;
}

/**
 * Log-probabilities of the pairs' targets under softmax(inp Wᵀ / temperature), [P], and each row's entropy in nats, [R].
 * Runs over vocabulary tiles of `tile` tokens with a running maximum; with a gradient it also accumulates
 * Σ_v p_v W_v, so that no logit is computed twice (the gradient of a row is then that expectation minus W_y).
 */
export function head(
  tape: Tape,
  inp: Value,
  weight: Matrix,
  pairs: HeadPairs,
  temperature: number,
  tile: number,
): { logp: Value; entropy: Value } {
  const { rows: vocab, columns: c } = weight;
  const { rows } = pairs;
  const { rec } = tape;
  const stride = Math.min(tile, Math.ceil(vocab / 4) * 4);
  const logits = tape.value([rows, stride], 'logits tile', false);
  const stats = tape.value([rows, 4], 'head stats', false);
  const rescale = tape.value([rows], 'head rescale', false);
  const picked = tape.value([pairs.pairs], 'picked logits', false);
  const acc = inp.requiresGrad ? tape.value([rows, c], 'expected embedding', false) : undefined;
  for (let v0 = 0; v0 < vocab; v0 += stride) {
    const vt = Math.min(stride, vocab - v0);
    const first = v0 === 0;
    const tokens = { m: rows, firstRow: v0, rows: vt };
    matrixProduct(
      rec,
      { inp: inp.tensor, weight, out: logits.tensor },
      { ...tokens, outStride: stride, scale: 1 / temperature },
    );
    headPick(
      rec,
      { logits: logits.tensor, rows: pairs.pairRow, targets: pairs.targets, picked: picked.tensor },
      { pairs: pairs.pairs, v0, vt, stride },
    );
    headUpdate(
      rec,
      { logits: logits.tensor, stats: stats.tensor, rescale: rescale.tensor },
      { rows, vt, stride, first, keepProbabilities: acc !== undefined },
    );
    if (acc) {
      matrixProductBackward(
        rec,
        { dout: logits.tensor, weight, dinp: acc.tensor, rowScale: first ? undefined : rescale.tensor },
        { ...tokens, doutStride: stride },
      );
    }
  }
  const logp = tape.value([pairs.pairs], 'logp', inp.requiresGrad);
  const entropy = tape.value([rows], 'entropy', false);
  headFinish(
    rec,
    { stats: stats.tensor, rows: pairs.pairRow, picked: picked.tensor, logp: logp.tensor, entropy: entropy.tensor },
    { pairs: pairs.pairs, rows },
  );
  if (acc) tape.record({ op: 'head', out: logp, saved: [acc, stats], inp, acc, stats, weight, pairs, temperature });
  tape.release(logits, stats, rescale, picked, acc);
  return { logp, entropy };
}

/** `inp Wᵀ / temperature`, [R, stride], stride = V rounded up to 4. For sampling: no gradient passes through it. */
export function logits(tape: Tape, inp: Value, weight: Matrix, temperature: number): Value {
  const m = inp.tensor.shape[0] as number;
  const stride = Math.ceil(weight.rows / 4) * 4;
  const out = tape.value([m, stride], 'logits', false);
  matrixProduct(
    tape.rec,
    { inp: inp.tensor, weight, out: out.tensor },
    { m, outStride: stride, scale: 1 / temperature },
  );
  return out;
}

/** Runs `forward` without recording it; the backward pass runs it again. Keeps only `inp`. */
export function recompute(tape: Tape, inp: Value, forward: (tape: Tape, inp: Value) => Value): Value {
  const silent = new Tape(tape.device);
  const plain = forward(silent, silent.borrow(inp.tensor));
  const out = tape.adopt(plain.tensor, true);
  tape.record({ op: 'recompute', out, saved: [inp], inp, forward });
  return out;
}
