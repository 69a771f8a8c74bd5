import { COPY_WIDTHS, rooflineCopy, rooflineMultiplyAdd } from '../../src/kernels/roofline.ts';
import * as reference from '../reference/roofline.ts';
import { type KernelCase, randomSource } from './case.ts';

/** The benchmark times these two by itself. */
export function cases(): KernelCase[] {
  return [
    ...COPY_WIDTHS.flatMap((width) => [0, 16, 48, 1040].map((n) => copyCase(n, width))),
    ...[0, 1, 3].map((steps) => multiplyAddCase(192, steps)),
  ];
}

function copyCase(n: number, width: (typeof COPY_WIDTHS)[number]): KernelCase {
  return {
    kernel: 'roofline_copy',
    shape: `N=${n}, ${width} bytes a lane`,
    inputs: { inp: { data: randomSource(n + width).array(n), shape: [n] } },
    outputs: { out: { shape: [n] } },
    run: (rec, t) => rooflineCopy(rec, t as never, width),
    reference: (t) => ({ out: t.inp as Float64Array }),
    tolerance: { relative: 0, absolute: 0 },
  };
}

function multiplyAddCase(lanes: number, steps: number): KernelCase {
  return {
    kernel: 'roofline_multiply_add',
    shape: `lanes=${lanes} steps=${steps}`,
    inputs: {},
    outputs: { out: { shape: [lanes] } },
    run: (rec, t) => rooflineMultiplyAdd(rec, t as never, { steps }),
    reference: () => ({ out: reference.multiplyAdd(lanes, steps) }),
    tolerance: { relative: 1e-6, absolute: 0 },
  };
}
