import {
  type Constants,
  defineKernel,
  foldGrid,
  type Kernel,
  type KernelDeclaration,
  type ParamType,
} from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/recorder.ts';
import type { Tensor } from '../gpu/tensor.ts';

/** Lanes that share a row of the vocabulary on a GPU: it hides the latency of loads behind many. */
const GPU_LANES = 256;

/** One kernel whose rows are shared by a whole workgroup (shaders/common/row_workgroup.wgsl) or by four lanes (row_quads.wgsl). */
interface RowKernel {
  readonly workgroup: Kernel;
  readonly quads: Kernel;
}

export function defineRowKernel<const P extends Readonly<Record<string, ParamType>>, const C extends Constants>(
  declaration: Omit<KernelDeclaration<P, C>, 'entry' | 'workgroup'>,
): RowKernel {
  const { name, include = [], constants } = declaration;
  const common = { ...declaration, entry: name } as unknown as KernelDeclaration;
  return {
    workgroup: defineKernel({
      ...common,
      include: ['row_workgroup', ...include],
      constants: { ...constants, LANES: GPU_LANES, ROWS: 1 },
      workgroup: GPU_LANES,
    }),
    quads: defineKernel({
      ...common,
      name: `${name}_quads`,
      include: ['row_quads', ...include],
      features: ['subgroups'],
      constants: { ...constants, LANES: 4, ROWS: 1 },
      workgroup: 4,
    }),
  };
}

/** Who shares a row: 256 lanes, four lanes that exchange by quad operations, or a workgroup of four. */
export type RowLayout = 'workgroup' | 'quads' | 'four';

/**
 * Launches over `rows` rows. Which layout runs depends on the adapter alone, because the order of summation depends on
 * it: processors get quads, as many as fill one subgroup, or, without subgroup operations, workgroups of four. `layout`
 * is for tests and benchmarks: one that the adapter would not get.
 */
export function dispatchRows(
  rec: Recorder,
  kernel: RowKernel,
  t: Readonly<Record<string, Tensor>>,
  params: Readonly<Record<string, number>>,
  o: { rows: number; layout?: RowLayout | undefined },
  constants: Constants = {},
): void {
  const { isSoftware, subgroups, subgroupMaxSize } = rec.device.caps;
  const layout = o.layout ?? (isSoftware ? (subgroups ? 'quads' : 'four') : 'workgroup');
  if (layout === 'quads') {
    const perGroup = Math.max(1, subgroupMaxSize / 4);
    rec.dispatch(kernel.quads, t, params, foldGrid(Math.ceil(o.rows / perGroup)), { ...constants, ROWS: perGroup });
  } else {
    const lanes = layout === 'four' ? 4 : GPU_LANES;
    rec.dispatch(kernel.workgroup, t, params, foldGrid(o.rows), { ...constants, LANES: lanes });
  }
}
