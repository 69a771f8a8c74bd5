/** What the variants of a product have in common: their declaration, and what the launcher asks of one. */
import type { WeightType } from '../gpu/blocks.ts';
import type { Capabilities } from '../gpu/device.ts';
import { type Constants, defineKernel, type Kernel, type KernelDeclaration } from '../gpu/kernel.ts';

/**
 * How the terms of a sum are added, each a name for one result to the last bit on one adapter:
 * - `sequential`: one product after the other onto the running sum, in f32.
 * - `sliced`: in up to 16 slices of the terms (`sliceSteps`), each as above, and then one slice after the other.
 * - `half`: as `sequential`, of numbers rounded to f16; products and sums in f32.
 * - `matrix_f16`, `matrix_f32`: as the adapter's subgroup matrices add them, of f16 or f32 numbers, sums in f32.
 */
export const LINEAR_ORDERS = ['sequential', 'sliced', 'half', 'matrix_f16', 'matrix_f32'] as const;
export type LinearOrder = (typeof LINEAR_ORDERS)[number];

/** What of a product's shape decides whether a variant can compute it. The number of rows does not: a row's order would depend on it. */
export interface LinearShape {
  /** Terms of each sum (k forward, n backward), and columns of the output. */
  readonly terms: number;
  readonly width: number;
  /** Floats from one row to the next, and before the first, of the input and the output. */
  readonly strides: readonly number[];
  readonly bias: boolean;
}

/** What is computed with a matrix: `gated` is forward with gates and ups, of which SwiGLU is written (`linearGated`). */
export type LinearKind = 'forward' | 'backward' | 'gated';

/** Rows, blocks of four terms, blocks of four columns. */
export interface LinearSize {
  readonly kind: LinearKind;
  readonly dtype: WeightType;
  readonly m: number;
  readonly steps: number;
  readonly columns: number;
}

/** One dispatch of a product: its grid, and what differs from the product's own kernel, params and constants. */
export interface LinearPart {
  readonly kernel?: Kernel;
  readonly grid: readonly [number, number, number];
  readonly params?: Readonly<Record<string, number>>;
  readonly constants?: Constants;
}

/** A way to compute a product. */
export interface LinearVariantEntry {
  readonly order: LinearOrder;
  readonly forward: Kernel;
  /** Absent where only the forward product has this order. */
  readonly backward?: Kernel;
  /** Where it is faster than `forward` and SwiGLU after it, with their bits. */
  readonly gated?: Kernel;
  /** Floats in an element of the input and the output as the kernel binds them: strides and offsets are multiples of it. */
  readonly unit: 1 | 4;
  runsOn(caps: Capabilities): boolean;
  fits(shape: LinearShape): boolean;
  /** The most rows that it is made for; more are computed, and slowly. */
  readonly maxRows?: number;
  parts(size: LinearSize, caps: Capabilities): LinearPart[];
  /** Blocks of four floats that the parts hand on in the binding `partial`. */
  partials?(size: LinearSize): number;
}

export const EPILOGUE_BINDINGS = {
  bias: 'read array<f32>',
  row_scale: 'read array<f32>',
  out: 'read_write array<vec4f>',
} as const;

const PARAMS = {
  row0: 'u32',
  row_end: 'u32',
  terms: 'u32',
  width: 'u32',
  steps: 'u32',
  columns: 'u32',
  block0: 'u32',
  column_stride: 'u32',
  step_stride: 'u32',
  inp_stride: 'u32',
  inp_offset: 'u32',
  out_stride: 'u32',
  out_offset: 'u32',
  bias_offset: 'u32',
  slice: 'u32',
  scale: 'f32',
} as const;

type Own = Pick<KernelDeclaration, 'source' | 'entry' | 'workgroup'> & Partial<KernelDeclaration>;

const EPILOGUES: Readonly<Record<LinearKind, readonly Constants[]>> = {
  forward: [{}, { BIAS: true }, { ACCUMULATE: true }, { BIAS: true, ACCUMULATE: true }],
  backward: [{}, { ACCUMULATE: true }, { RESCALE: true }],
  gated: [{}, { BIAS: true }],
};

/** One kind of a variant. `own.variants` are the constants that its parts give. */
export function declareLinear(suffix: string, kind: LinearKind, own: Own): Kernel {
  const gated = kind === 'gated';
  return defineKernel({
    bindings: { inp: 'read array<vec4f>', weight: 'read weight', ...EPILOGUE_BINDINGS },
    params: PARAMS,
    cost: (p, c) => {
      const rows = (p.row_end as number) - (p.row0 as number);
      const { terms, width, steps, columns } = p as Record<'terms' | 'width' | 'steps' | 'columns', number>;
      const outputs = gated ? 0.5 : c.ACCUMULATE || c.RESCALE ? 2 : 1;
      return {
        // SwiGLU as `swiglu` counts it.
        flops: 2 * rows * width * terms + (gated ? 3 * rows * width : 0),
        bytes: 4 * rows * (terms + outputs * width) + steps * columns * (c.BLOCK_BYTES as number),
      };
    },
    ...own,
    name: `linear_${kind === 'forward' ? '' : `${kind}_`}${suffix}`,
    constants: {
      TRANSPOSED: kind === 'backward',
      BIAS: false,
      ACCUMULATE: false,
      RESCALE: false,
      BLOCK_BYTES: 64,
      ...own.constants,
    },
    variants: (own.variants ?? [{}]).flatMap((constants) =>
      EPILOGUES[kind].map((epilogue) => ({ ...constants, ...epilogue })),
    ),
  });
}

export function declareBoth(suffix: string, own: Own): { readonly forward: Kernel; readonly backward: Kernel } {
  return { forward: declareLinear(suffix, 'forward', own), backward: declareLinear(suffix, 'backward', own) };
}

/** Rows that begin on a vec4, and whole vec4s of outputs where a bias is read with them. */
export function aligned({ terms, width, strides, bias }: LinearShape): boolean {
  return terms % 4 === 0 && strides.every((x) => x % 4 === 0) && (width % 4 === 0 || !bias);
}

/** Blocks of four terms in a slice: a multiple of every stage of the tiles, and a function of the terms alone. */
export function sliceSteps(steps: number): number {
  return 8 * Math.max(1, Math.ceil(steps / 128));
}

/** What a tuning is measured for, and found by: the choice may depend on the rows, because all of one order give a row the same bits. */
export interface LinearQuestion extends LinearShape {
  readonly direction: 'forward' | 'backward';
  readonly dtype: WeightType;
  readonly m: number;
}
