import registers from '../../shaders/linear_registers.wgsl?raw';
import oneRow from '../../shaders/linear_row.wgsl?raw';
import scalar from '../../shaders/linear_scalar.wgsl?raw';
import { type Capabilities, subgroupIsQuad } from '../gpu/device.ts';
import { foldGrid } from '../gpu/kernel.ts';
import { type Tuning, UNTUNED } from '../gpu/tuning.ts';
import { GPU_VARIANTS } from './linear_gpu.ts';
import {
  aligned,
  declareBoth,
  declareLinear,
  type LinearOrder,
  type LinearPart,
  type LinearQuestion,
  type LinearVariantEntry,
} from './linear_kernel.ts';
import { MATRIX_VARIANTS } from './linear_matrix.ts';
import { stepsAnIteration } from './linear_unroll.ts';

const SCALAR_LANES = 64;
/** Quads of rows in a tall tile; a short one has one. */
const TALL = 4;

const REGISTER_TILES = [1, 2, 4].flatMap((UNROLL) => [
  { QUADS: TALL, UNROLL },
  { QUADS: 1, UNROLL },
]);

/** Tiles of 16 rows, then tiles of 4 where another of 16 would be more than half empty. */
function rowTiles(m: number): { tall: number; short: number } {
  const rest = m % (4 * TALL);
  const whole = (m - rest) / (4 * TALL);
  return rest > 2 * TALL ? { tall: whole + 1, short: 0 } : { tall: whole, short: Math.ceil(rest / 4) };
}

const registerTiles: Pick<LinearVariantEntry, 'order' | 'unit' | 'fits' | 'parts'> = {
  order: 'sequential',
  unit: 4,
  fits: aligned,
  parts({ m, steps, columns, dtype, kind }, caps): LinearPart[] {
    const { tall, short } = rowTiles(m);
    const x = Math.ceil(columns / 16);
    const split = Math.min(m, 4 * TALL * tall);
    const UNROLL = (isTall: boolean) =>
      stepsAnIteration(caps, { m, steps, tall: isTall, dtype, transposed: kind === 'backward' });
    const parts: LinearPart[] = [];
    if (tall > 0) {
      const constants = { QUADS: TALL, UNROLL: UNROLL(true) };
      parts.push({ grid: [x, tall, 1], params: { row0: 0, row_end: split }, constants });
    }
    if (short > 0) {
      const constants = { QUADS: 1, UNROLL: UNROLL(false) };
      parts.push({ grid: [x, short, 1], params: { row0: split, row_end: m }, constants });
    }
    return parts;
  },
};

type Own = Parameters<typeof declareBoth>[1];

/** Both directions of a kernel whose lanes own four blocks of columns, and the one that writes SwiGLU of gates and ups. */
function declareAll(suffix: string, own: Own & { include: readonly string[] }) {
  return {
    ...declareBoth(suffix, { ...own, include: [...own.include, 'linear_put', 'linear_store'] }),
    gated: declareLinear(suffix, 'gated', { ...own, include: [...own.include, 'unit4', 'silu', 'linear_store_gated'] }),
  };
}

const ROW = declareAll('row', {
  source: oneRow,
  include: ['linear_product', 'linear_rows_swapped'],
  entry: 'linear_row',
  features: ['subgroups'],
  workgroup: 4,
});

/** Every way to compute a product. */
const VARIANTS = {
  /** Any shape, a lane per row and four columns. */
  scalar: {
    order: 'sequential',
    ...declareBoth('scalar', {
      source: scalar,
      include: ['linear_product'],
      entry: 'linear_scalar',
      bindings: {
        inp: 'read array<f32>',
        weight: 'read weight',
        bias: 'read array<f32>',
        row_scale: 'read array<f32>',
        out: 'read_write array<f32>',
      },
      constants: { WG: SCALAR_LANES },
      workgroup: SCALAR_LANES,
    }),
    unit: 1,
    runsOn: () => true,
    fits: () => true,
    parts({ m, columns }) {
      const [y, z] = foldGrid(m);
      return [{ grid: [Math.ceil(columns / SCALAR_LANES), y, z] }];
    },
  },
  /** Uniform-register tiles, for adapters that run lanes on a CPU. */
  registers: {
    ...declareAll('registers', {
      source: registers,
      include: ['linear_product', 'linear_rows_loaded'],
      entry: 'linear_registers',
      constants: { QUADS: TALL, UNROLL: 1 },
      variants: REGISTER_TILES,
      workgroup: 4,
    }),
    ...registerTiles,
    runsOn: () => true,
  },
  /** The same, the rows of a tile shared within quads of lanes. */
  subgroup: {
    ...declareAll('subgroup', {
      source: registers,
      include: ['linear_product', 'linear_rows_swapped'],
      entry: 'linear_registers',
      features: ['subgroups'],
      constants: { QUADS: TALL, UNROLL: 1 },
      variants: REGISTER_TILES,
      workgroup: 4,
    }),
    ...registerTiles,
    parts(size, caps) {
      const { m, steps, columns, kind } = size;
      const single = m === 1 && steps % 4 === 0 && subgroupIsQuad(caps);
      return single ? [{ kernel: ROW[kind], grid: [Math.ceil(columns / 16), 1, 1] }] : registerTiles.parts(size, caps);
    },
    runsOn: (caps) => caps.subgroups,
  },
  ...GPU_VARIANTS,
  ...MATRIX_VARIANTS,
} satisfies Record<string, LinearVariantEntry>;

export type LinearVariant = keyof typeof VARIANTS;

export const LINEAR_VARIANTS: Readonly<Record<LinearVariant, LinearVariantEntry>> = VARIANTS;

export function variantsOf(order: LinearOrder, direction: 'forward' | 'backward', caps: Capabilities): LinearVariant[] {
  return (Object.keys(VARIANTS) as LinearVariant[]).filter((name) => {
    const entry = LINEAR_VARIANTS[name];
    return entry.order === order && entry[direction] !== undefined && entry.runsOn(caps);
  });
}

/**
 * The variant of an order that is right for the question, without measuring: one for all numbers of rows, because that others
 * have its bits is not known before they are compared on the device. Where no variant of the order is, the product is computed
 * sequentially: that does not depend on the rows either.
 */
export function linearVariant(caps: Capabilities, q: LinearQuestion, order: LinearOrder = 'sequential'): LinearVariant {
  if (!aligned(q)) return 'scalar';
  if (order !== 'sequential') {
    const [first] = variantsOf(order, q.direction, caps);
    if (first !== undefined) return first;
  }
  if (!caps.isSoftware) return 'tiles_32x64';
  return caps.subgroups ? 'subgroup' : 'registers';
}

/** Rows that a tuning is measured with; a number of rows counts to the next one, more than the last to it. */
export const ROW_CLASSES = [1, 2, 4, 8, 16, 64, 256, 1024] as const;

/** What a choice is found by. */
export function choiceKey({ direction, dtype, terms, width, m }: LinearQuestion): string {
  return `${direction} ${dtype} ${terms}x${width} ${ROW_CLASSES.find((rows) => m <= rows) ?? ROW_CLASSES.at(-1)}`;
}

/** The measured variant where there is one and it belongs to the tuning's order, else `linearVariant`. */
export function tunedVariant(caps: Capabilities, q: LinearQuestion, tuning: Tuning): LinearVariant {
  if (tuning === UNTUNED) return linearVariant(caps, q);
  if (!aligned(q)) return 'scalar';
  let variants = known.get(tuning);
  if (!variants) {
    variants = new Map();
    known.set(tuning, variants);
  }
  // Every limit on the rows is one of the classes.
  const key = choiceKey(q);
  let variant = variants.get(key);
  if (!variant) {
    variant = lookedUp(caps, q, tuning);
    variants.set(key, variant);
  }
  return variant;
}

/** What a tuning comes to, so that a dispatch costs a look-up. */
const known = new WeakMap<Tuning, Map<string, LinearVariant>>();

function lookedUp(caps: Capabilities, q: LinearQuestion, tuning: Tuning): LinearVariant {
  const untuned = linearVariant(caps, q, tuning.order as LinearOrder);
  const name = tuning.choices[choiceKey(q)] as LinearVariant | undefined;
  const chosen = name === undefined ? undefined : LINEAR_VARIANTS[name];
  const fits =
    chosen?.order === LINEAR_VARIANTS[untuned].order && chosen[q.direction] && chosen.runsOn(caps) && chosen.fits(q);
  return name !== undefined && fits ? name : untuned;
}
