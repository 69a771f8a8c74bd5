import { isQuantised } from '../gpu/blocks.ts';
import { type Capabilities, subgroupIsQuad } from '../gpu/device.ts';
import type { DType } from '../gpu/tensor.ts';

/** Rows from which on more steps an iteration pay for compiling so much more code. */
const ROWS = 32;

/**
 * Steps (of four terms) that an iteration of a register tile takes; the order of summation is the same. Four steps along
 * the rows of a quantised matrix share its scales.
 */
export function stepsAnIteration(
  caps: Pick<Capabilities, 'isSoftware' | 'subgroupMaxSize'>,
  o: { m: number; steps: number; tall: boolean; dtype: DType; transposed: boolean },
): number {
  const { m, steps, tall } = o;
  if (tall && m < ROWS) return 1;
  const sharesScales = isQuantised(o.dtype) && !o.transposed && subgroupIsQuad(caps);
  const most = sharesScales ? 4 : tall ? 2 : 1;
  return steps % most === 0 ? most : 1;
}
