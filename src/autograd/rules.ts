import type { Matrix } from '../gpu/matrix.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { attentionBackward } from '../kernels/attention_backward.ts';
import { matrixHeadBackward, matrixProductBackward } from '../kernels/matrix.ts';
import { pathKeys } from '../kernels/path_keys.ts';
import { qkNormBackward } from '../kernels/qk_norm.ts';
import { rmsnormBackward } from '../kernels/rmsnorm.ts';
import { rope } from '../kernels/rope.ts';
import { scatterRows } from '../kernels/rows.ts';
import { steeringGrad, steeringGradPartials } from '../kernels/steering_grad.ts';
import { swigluBackward } from '../kernels/swiglu.ts';
import { Tape } from './tape.ts';
import type { Gradient, Value } from './value.ts';

/** Shapes of attention heads, shared by the operations that look inside `qkv [N, (H + 2 Hkv) D]`. */
export interface HeadShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Pairs (row, target) of the language-model head, sorted by row. */
export interface HeadPairs {
  /** Number of distinct hidden rows. */
  readonly rows: number;
  readonly pairs: number;
  /** [P] u32, the hidden row of each pair. */
  readonly pairRow: Tensor;
  /** [R + 1] u32, where each row's pairs begin. */
  readonly pairStart: Tensor;
  /** [P] u32, the token whose log-probability is taken. */
  readonly targets: Tensor;
}

/** What each operation leaves for its rule. `saved` are the values it reads, kept alive until it has run. */
interface Operations {
  rmsnorm: { inp: Value; weight: Tensor; rstd: Value; n: number; c: number };
  linear: { inp: Value; weight: Matrix; m: number };
  qk_norm: { inp: Value; weight: Tensor; n: number; shape: HeadShape; eps: number };
  rope: { positions: Tensor; table: Tensor; n: number; shape: HeadShape };
  attention: {
    qkv: Value;
    attended: Value;
    lse: Value;
    ranges: Tensor;
    paths: Tensor | undefined;
    keyQueries: Tensor;
    n: number;
    shape: HeadShape;
    scale: number;
  };
  swiglu: { gateUp: Value; n: number; f: number };
  residual_add: { inp: Value; branch: Value; layer: number | undefined; scale: number; n: number; c: number };
  gather_rows: { inp: Value; rows: Tensor; r: number; c: number };
  head: { inp: Value; acc: Value; stats: Value; weight: Matrix; pairs: HeadPairs; temperature: number };
  recompute: { inp: Value; forward: (tape: Tape, inp: Value) => Value };
}

export type Operation = keyof Operations;
export type Node = {
  [K in Operation]: { op: K; out: Value; saved: readonly Value[] } & Operations[K];
}[Operation];
type NodeOf<K extends Operation> = Extract<Node, { op: K }>;

/**
 * The vector-Jacobian product of every operation: reads `dout`, writes the gradients of the inputs that need one. The
 * type makes the table exhaustive; weights have no gradient, so no rule needs its own output or a normalised input.
 */
export const RULES: { readonly [K in Operation]: (tape: Tape, node: NodeOf<K>, dout: Gradient) => void } = {
  rmsnorm(tape, { inp, weight, rstd, n, c }, dout) {
    const dinp = tape.gradientOf(inp);
    if (!dinp.accumulate) tape.rec.clear(dinp.tensor);
    rmsnormBackward(
      tape.rec,
      { inp: inp.tensor, weight, rstd: rstd.tensor, dout: dout.tensor, dinp: dinp.tensor },
      { n, c },
    );
  },

  linear(tape, { inp, weight, m }, dout) {
    const dinp = tape.gradientOf(inp);
    matrixProductBackward(
      tape.rec,
      { dout: dout.tensor, weight, dinp: dinp.tensor },
      { m, accumulate: dinp.accumulate },
    );
  },

  /** In place, as the norm was: the gradient becomes that of the heads before it. v's passes through. */
  qk_norm(tape, { out, inp, weight, n, shape, eps }, dout) {
    if (dout.references > 1) throw new Error('the gradient of a norm in place is shared: it cannot be overwritten');
    qkNormBackward(tape.rec, { inp: inp.tensor, weight, dqkv: dout.tensor }, { n, ...shape, eps });
    tape.shareGradient(out, dout);
  },

  /** In place, as the rotation was: the inverse rotation of the gradient, which then is that of the unrotated value. */
  rope(tape, { out, positions, table, n, shape }, dout) {
    if (dout.references > 1) throw new Error('the gradient of a rotation is shared: it cannot be rotated in place');
    rope(tape.rec, { qkv: dout.tensor, positions, table }, { n, ...shape, inverse: true });
    tape.shareGradient(out, dout);
  },

  attention(tape, { qkv, attended, lse, ranges, paths, keyQueries, n, shape, scale }, dout) {
    const { arena } = tape.device;
    const delta = arena.alloc([n, shape.heads], 'f32', 'delta');
    const m = paths?.shape[0] as number;
    // Gathered again: kept since the forward pass they would take a copy of all keys and values.
    const ordered = paths && arena.alloc([m, 2 * shape.kvHeads * shape.headDim], 'f32', 'keys of paths');
    if (ordered) pathKeys(tape.rec, { qkv: qkv.tensor, paths, out: ordered }, { m, ...shape });
    const dqkv = tape.gradientOf(qkv);
    if (dqkv.accumulate) throw new Error('attention writes the whole gradient of qkv: it cannot be added to');
    attentionBackward(
      tape.rec,
      {
        qkv: qkv.tensor,
        pathKeys: ordered,
        out: attended.tensor,
        dout: dout.tensor,
        lse: lse.tensor,
        delta,
        ranges,
        keyQueries,
        dqkv: dqkv.tensor,
      },
      { n, ...shape, scale },
    );
    arena.free(delta);
    arena.free(ordered);
  },

  swiglu(tape, { gateUp, n, f }, dout) {
    const dgateUp = tape.gradientOf(gateUp);
    if (dgateUp.accumulate) throw new Error('swiglu writes the whole gradient of gate_up: it cannot be added to');
    swigluBackward(tape.rec, { gateUp: gateUp.tensor, dout: dout.tensor, dgateUp: dgateUp.tensor }, { n, f });
  },

  /** Both inputs get the same gradient; the steering vector gets its sum over the rows. */
  residual_add(tape, { inp, branch, layer, scale, n, c }, dout) {
    const target = tape.target;
    if (target && layer !== undefined && target.layers.has(layer)) {
      const partial = tape.device.arena.alloc([steeringGradPartials(n), c], 'f32', 'steering_grad partial');
      steeringGrad(
        tape.rec,
        { dresid: dout.tensor, partial, grad: target.grad },
        { n, c, layer, scale, accumulate: true },
      );
      tape.device.arena.free(partial);
    }
    tape.shareGradient(inp, dout);
    tape.shareGradient(branch, dout);
  },

  gather_rows(tape, { inp, rows, r, c }, dout) {
    const dinp = tape.gradientOf(inp);
    if (dinp.accumulate) throw new Error('the gathered tensor already has a gradient: scattering would overwrite it');
    tape.rec.clear(dinp.tensor);
    scatterRows(tape.rec, { inp: dout.tensor, rows, out: dinp.tensor }, { r, c });
  },

  /** d logp / d hidden = (W_y − Σ_v p_v W_v) / temperature; the expectation was accumulated in the forward pass. */
  head(tape, { inp, acc, stats, weight, pairs, temperature }, dout) {
    const dhidden = tape.gradientOf(inp);
    if (dhidden.accumulate) throw new Error('the head writes the whole gradient of its rows: it cannot be added to');
    matrixHeadBackward(
      tape.rec,
      {
        acc: acc.tensor,
        stats: stats.tensor,
        pairStart: pairs.pairStart,
        targets: pairs.targets,
        coef: dout.tensor,
        weight,
        dhidden: dhidden.tensor,
      },
      { rows: pairs.rows, invTemperature: 1 / temperature },
    );
  },

  /** Runs the layer again, this time recording, and differentiates it. */
  recompute(tape, { inp, forward }, dout) {
    const inner = new Tape(tape.device, tape.target, { again: true });
    const leaf = inner.borrow(inp.tensor, true);
    const out = forward(inner, leaf);
    dout.references++;
    inner.backward(out, dout);
    inner.release(out);
    const gradient = inner.takeGradient(leaf);
    if (!gradient) return;
    tape.shareGradient(inp, gradient);
    tape.dropGradient(gradient);
  },
};
