import residualSource from '../../shaders/residual_norm.wgsl?raw';
import forwardSource from '../../shaders/rmsnorm.wgsl?raw';
import backwardSource from '../../shaders/rmsnorm_backward.wgsl?raw';
import { type Constants, foldGrid, type KernelDeclaration, type ParamType } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { defineWideKernel, type WideKernel, wideKernel } from './units.ts';

/** Lanes that share a row, and, where a lane owns a row, lanes a workgroup: on a CPU a workgroup is then one SIMD vector. */
const ROW_WG = 64;
const LANE_WG = 4;

interface Layouts {
  readonly row: WideKernel;
  readonly lane: WideKernel;
}

function bothLayouts<const P extends Readonly<Record<string, ParamType>>>(
  declaration: Omit<KernelDeclaration<P, Constants>, 'entry' | 'workgroup'>,
): Layouts {
  const { name } = declaration;
  const define = (entry: string, wg: number) =>
    defineWideKernel({
      ...declaration,
      name: entry,
      entry,
      include: ['reduce'],
      constants: { WG: wg, ...declaration.constants },
      workgroup: wg,
    });
  return { row: define(name, ROW_WG), lane: define(`${name}_lane`, LANE_WG) };
}

const forward = bothLayouts({
  name: 'rmsnorm_forward',
  source: forwardSource,
  bindings: {
    inp: 'read array<Wide>',
    weight: 'read array<Wide>',
    out: 'read_write array<Wide>',
    rstd: 'read_write array<f32>',
  },
  params: { n: 'u32', c: 'u32', row_units: 'u32', eps: 'f32' },
  cost: ({ n, c }) => ({ flops: 4 * n * c, bytes: 8 * n * c + 4 * n + 4 * c }),
});

const residual = bothLayouts({
  name: 'residual_norm',
  source: residualSource,
  bindings: {
    inp: 'read array<Wide>',
    branch: 'read array<Wide>',
    steering: 'read array<Wide>',
    weight: 'read array<Wide>',
    resid: 'read_write array<Wide>',
    rstd: 'read_write array<f32>',
    out: 'read_write array<Wide>',
  },
  params: { n: 'u32', c: 'u32', row_units: 'u32', layer: 'u32', scale: 'f32', eps: 'f32' },
  constants: { STEERED: false },
  variants: [{}, { STEERED: true }],
  cost: ({ n, c }, { STEERED }) => ({
    flops: (STEERED ? 7 : 5) * n * c,
    bytes: 16 * n * c + 4 * n + (STEERED ? 8 : 4) * c,
  }),
});

const backward = bothLayouts({
  name: 'rmsnorm_backward',
  source: backwardSource,
  bindings: {
    inp: 'read array<Wide>',
    weight: 'read array<Wide>',
    rstd: 'read array<f32>',
    dout: 'read array<Wide>',
    dinp: 'read_write array<Wide>',
  },
  params: { n: 'u32', c: 'u32', row_units: 'u32' },
  cost: ({ n, c }) => ({ flops: 9 * n * c, bytes: 16 * n * c + 4 * n + 4 * c }),
});

/**
 * out [N, C] = inp [N, C] * rstd * weight [C], rstd [N] = 1 / sqrt(mean(inp²) + eps) (Zhang and Sennrich,
 * arXiv 1910.07467). All f32. The order of summation differs between CPU and GPU adapters, never with N.
 */
export function rmsnorm(
  rec: Recorder,
  t: { inp: Tensor; weight: Tensor; out: Tensor; rstd: Tensor },
  o: { n: number; c: number; eps: number },
): void {
  launch(rec, forward, t, o);
}

/**
 * resid [N, C] = inp + branch, plus scale * steering[layer] where a steering tensor [L, C] is given, and its norm: out [N, C]
 * and rstd [N]. The bits of `residualAdd` and `rmsnorm`. `resid` is another tensor than `inp` and `branch`. All f32.
 */
export function residualNorm(
  rec: Recorder,
  t: {
    inp: Tensor;
    branch: Tensor;
    steering?: Tensor | undefined;
    weight: Tensor;
    resid: Tensor;
    rstd: Tensor;
    out: Tensor;
  },
  o: { n: number; c: number; layer: number; scale: number; eps: number },
): void {
  // What is not read must still be bound to something.
  launch(rec, residual, { ...t, steering: t.steering ?? t.weight }, o, { STEERED: t.steering !== undefined });
}

/**
 * dinp [N, C] += rstd * (weight * dout) - inp * rstd³ / C * Σ(weight * dout * inp): the gradient is added to what `dinp`
 * holds, because a norm's input also goes on along the residual stream. All f32; `rstd` is the forward pass's.
 */
export function rmsnormBackward(
  rec: Recorder,
  t: { inp: Tensor; weight: Tensor; rstd: Tensor; dout: Tensor; dinp: Tensor },
  o: { n: number; c: number },
): void {
  launch(rec, backward, t, o);
}

function launch(
  rec: Recorder,
  layouts: Layouts,
  t: Record<string, Tensor>,
  o: { n: number; c: number } & Readonly<Record<string, number>>,
  constants?: Constants,
): void {
  const software = rec.device.caps.isSoftware;
  const { kernel, units } = wideKernel(rec.device, software ? layouts.lane : layouts.row, o.c);
  const groups = software ? Math.ceil(o.n / LANE_WG) : o.n;
  rec.dispatch(kernel, t, { ...o, row_units: units }, foldGrid(groups), constants);
}
