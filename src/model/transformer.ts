import * as ops from '../autograd/ops.ts';
import type { Tape } from '../autograd/tape.ts';
import type { Value } from '../autograd/value.ts';
import type { Tensor } from '../gpu/tensor.ts';
import type { RowKeeper } from './generate.ts';
import type { KVCache } from './kv_cache.ts';
import type { Layer, Model } from './model.ts';
import type { Steering } from './steering.ts';

/** The packed rows of one forward pass. */
export interface Rows {
  readonly n: number;
  readonly ids: Tensor; // [N] u32
  readonly positions: Tensor; // [N] u32
  /** [N, 4] u32: rows of this pass, or of the cache or of `paths` where there is one. */
  readonly ranges: Tensor;
  /** [M] u32, the row of each key; `Packed` says when. */
  readonly paths?: Tensor | undefined;
  /** [N, 2] u32, needed for the gradient only. */
  readonly keyQueries?: Tensor;
}

export interface ForwardOptions {
  readonly steering?: Steering | undefined;
  /**
   * Keys and values are written to the cache and read from there: `places` [P, 4] u32 says where, as `ropeKv` has it. `apart`
   * says that the rows are of different sequences, `pieces` how many pieces of keys one of these has at the most (`piecesOf`;
   * default 0).
   */
  readonly cache?: {
    readonly kv: KVCache;
    readonly places: Tensor;
    readonly apart: boolean;
    readonly pieces?: number;
  };
  readonly recompute?: 'none' | 'layer';
  /** What another pass computed already: this one begins with the addition of its last layer. */
  readonly lower?: LowerLayers | undefined;
  /** Sees every `resid_post[l]` [N, C], after the vector was added. */
  readonly onResidPost?: (layer: number, resid: Tensor) => void;
  /** Sees what each layer's attention took and gave. */
  readonly onAttention?: (layer: number, ...seen: Parameters<ops.AttentionViewer>) => void;
}

/** The layers below a vector and the vector's own, but for the last addition, which takes the vector in: [N, C] both. */
export interface LowerLayers {
  readonly layer: number;
  readonly residMid: Value;
  readonly mlpOut: Value;
}

/** What passes share whose vectors differ from `layer` on. Nothing of it is differentiated. */
export function lowerLayers(
  tape: Tape,
  model: Model,
  rows: Rows,
  layer: number,
  cache?: ForwardOptions['cache'],
): LowerLayers {
  let stream = embedded(tape, model, rows);
  for (let l = 0; ; l++) {
    const branches = layerBranches(tape, model, model.layers[l] as Layer, l, rows, stream, cache);
    tape.release(stream.resid);
    if (l === layer) return { layer, ...branches };
    stream = lastAddition(tape, model, l, branches);
    tape.release(branches.residMid, branches.mlpOut);
  }
}

/** The residual stream after the last layer, [N, C]; `finalNorm` and a head follow it. */
export function forward(tape: Tape, model: Model, rows: Rows, options: ForwardOptions = {}): Value {
  return lastStream(tape, model, rows, options).resid;
}

/** `finalNorm` of all rows of `forward`, [N, C], with its bits: the last addition computes it on the way. */
export function forwardNormed(tape: Tape, model: Model, rows: Rows, options: ForwardOptions = {}): Value {
  const { resid, normed } = lastStream(tape, model, rows, options, model.norm);
  const hidden = normed ?? ops.rmsnorm(tape, resid, normOf(model, model.norm));
  tape.release(resid);
  return hidden;
}

/** The stream after the last layer, and with `final` its norm, unless layers are run again one by one. */
function lastStream(tape: Tape, model: Model, rows: Rows, options: ForwardOptions, final?: Tensor): Stream {
  const { lower } = options;
  const added = (on: Tape, l: number, branches: Pick<LowerLayers, 'residMid' | 'mlpOut'>) =>
    lastAddition(on, model, l, branches, options, final);
  let stream: Stream = lower ? added(tape, lower.layer, lower) : embedded(tape, model, rows);
  model.layers.forEach((layer, l) => {
    if (lower && l <= lower.layer) return;
    const run = (on: Tape, inp: Stream) => {
      const branches = layerBranches(on, model, layer, l, rows, inp, options.cache, options.onAttention);
      const after = added(on, l, branches);
      on.release(branches.residMid, branches.mlpOut);
      return after;
    };
    // Below the lowest trained vector nothing is kept anyway: recomputing would only repeat work.
    const again = options.recompute === 'layer' && stream.resid.requiresGrad;
    const next = again
      ? { resid: ops.recompute(tape, stream.resid, (on, resid) => run(on, { resid }).resid) }
      : run(tape, stream);
    tape.release(stream.resid);
    stream = next;
    options.onResidPost?.(l, stream.resid.tensor);
  });
  return stream;
}

/** `forward` of a pass whose rows `keeper` keeps, on a tape that has its target; keeps nothing itself. */
export function forwardKept(
  tape: Tape,
  model: Model,
  rows: Rows,
  keeper: Pick<RowKeeper, 'sink' | 'lower'>,
  options: Pick<ForwardOptions, 'steering' | 'cache'>,
): Value {
  const lower = keeper.lower && lowerLayers(tape, model, rows, keeper.lower.layer, options.cache);
  if (lower) keeper.lower?.take(tape, lower, rows.n);
  const resid = tape.keep(keeper.sink(rows.n), () => forward(tape, model, rows, { ...options, lower }));
  tape.release(lower?.residMid, lower?.mlpOut);
  return resid;
}

/** The residual stream [N, C] and, where it was computed with it, its norm for the layer that follows. */
interface Stream {
  readonly resid: Value;
  readonly normed?: Value;
}

function embedded(tape: Tape, model: Model, rows: Rows): Stream {
  return { resid: ops.embedding(tape, rows.ids, model.embed_tokens, rows.n) };
}

function normOf(model: Model, weight: Tensor): ops.Norm {
  return { weight, eps: model.config.rms_norm_eps };
}

/** The addition that ends layer l, with the norm that begins the next one, or `final` after the last, unless layers are run again one by one. */
function lastAddition(
  tape: Tape,
  model: Model,
  l: number,
  { residMid, mlpOut }: Pick<LowerLayers, 'residMid' | 'mlpOut'>,
  { steering, recompute }: ForwardOptions = {},
  final?: Tensor,
): Stream {
  const push = steering && { ...steering, layer: l };
  const next = model.layers[l + 1];
  const weight = next ? next.input_layernorm : final;
  if (!weight || recompute === 'layer')
    return { resid: tape.unread(() => ops.residualAdd(tape, residMid, mlpOut, 'resid_post', push)) };
  const norm = normOf(model, weight);
  return ops.residualNorm(tape, residMid, mlpOut, 'resid_post', norm, push);
}

/** A layer but for its last addition. Releases the norm that came with its input. */
function layerBranches(
  tape: Tape,
  model: Model,
  layer: Layer,
  l: number,
  rows: Rows,
  { resid, normed }: Stream,
  cache?: ForwardOptions['cache'],
  onAttention?: ForwardOptions['onAttention'],
): { residMid: Value; mlpOut: Value } {
  const shape = model.headShape;

  const normed1 = normed ?? ops.rmsnorm(tape, resid, normOf(model, layer.input_layernorm));
  const qkv = ops.linear(tape, normed1, layer.qkv_proj, 'qkv', layer.qkv_bias);
  tape.release(normed1);
  if (layer.qk_norm) ops.qkNorm(tape, qkv, normOf(model, layer.qk_norm), shape);
  const cached = cache && { ...cache, kv: cache.kv.layers[l] as Tensor };
  ops.rope(tape, qkv, rows.positions, model.ropeTable, shape, cached);
  const viewer = onAttention && ((...seen: Parameters<ops.AttentionViewer>) => onAttention(l, ...seen));
  const attended = ops.attention(tape, qkv, rows, shape, cached, viewer);
  tape.release(qkv);
  const attnOut = ops.linear(tape, attended, layer.o_proj, 'attn_out', layer.o_bias);
  tape.release(attended);
  const norm2 = normOf(model, layer.post_attention_layernorm);
  const { resid: residMid, normed: normed2 } = ops.residualNorm(tape, resid, attnOut, 'resid_mid', norm2);
  tape.release(attnOut);

  const act = activation(tape, layer, normed2);
  const mlpOut = tape.unread(() => ops.linear(tape, act, layer.down_proj, 'mlp_out', layer.down_bias));
  tape.release(act);
  return { residMid, mlpOut };
}

/** `silu(gate) * up` of a layer, [N, F]. Gives up its input, which nothing else reads. */
function activation(tape: Tape, { gate_up_proj, gate_up_bias }: Layer, normed: Value): Value {
  if (ops.gates(tape, normed, gate_up_proj, gate_up_bias)) {
    const act = ops.gatedLinear(tape, normed, gate_up_proj, gate_up_bias);
    tape.release(normed);
    return act;
  }
  const gateUp = ops.linear(tape, normed, gate_up_proj, 'gate_up', gate_up_bias);
  tape.release(normed);
  const act = ops.swiglu(tape, gateUp);
  tape.release(gateUp);
  return act;
}

/** The final norm, [N, C], or that of `r` given rows, [R, C]: what the head multiplies. */
export function finalNorm(tape: Tape, model: Model, resid: Value, rows?: Tensor, r = 0): Value {
  const wanted = rows ? ops.gatherRows(tape, resid, rows, r) : tape.retain(resid);
  const normed = ops.rmsnorm(tape, wanted, normOf(model, model.norm));
  tape.release(wanted);
  return normed;
}

/** Logits of the given rows, [R, stride] with `stride` the vocabulary rounded up to 4. No gradient: see `ops.head`. */
export function logits(tape: Tape, model: Model, hidden: Value, temperature = 1): Value {
  return ops.logits(tape, hidden, model.lm_head, temperature);
}
