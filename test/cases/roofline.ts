import { COPY_WIDTHS, rooflineCopy, rooflineEmpty, rooflineMultiplyAdd } from '../../src/kernels/roofline.ts';
import * as reference from '../reference/roofline.ts';
import { type KernelCase, randomSource } from './case.ts';

/** The benchmark times these by itself. */
export function cases({ f16 }: { f16: boolean }): KernelCase[] {
  return [
    ...COPY_WIDTHS.flatMap((width) => [0, 16, 48, 1040].map((n) => copyCase(n, width))),
    ...[0, 1, 3].map((steps) => multiplyAddCase(192, steps, 'f32')),
    ...(f16 ? [0, 1, 3].map((steps) => multiplyAddCase(192, steps, 'f16')) : []),
    emptyCase(),
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

function emptyCase(): KernelCase {
  return {
    kernel: 'roofline_empty',
    shape: 'one workgroup',
    inputs: {},
    outputs: { out: { shape: [1] } },
    run: (rec, t) => rooflineEmpty(rec, t as never, 7),
    reference: () => ({ out: Float64Array.of(7) }),
    tolerance: { relative: 0, absolute: 0 },
  };
}

function multiplyAddCase(lanes: number, steps: number, dtype: 'f32' | 'f16'): KernelCase {
  return {
    kernel: dtype === 'f32' ? 'roofline_multiply_add' : 'roofline_multiply_add_f16',
    shape: `lanes=${lanes} steps=${steps}`,
    inputs: {},
    outputs: { out: { shape: [lanes] } },
    run: (rec, t) => rooflineMultiplyAdd(rec, t as never, { steps, dtype }),
    reference: () => ({ out: reference.multiplyAdd(lanes, steps) }),
    // A link in f16 rounds by at most 2⁻¹¹, and three quarters of that go on to the next: four times 2⁻¹¹ in all.
    tolerance: { relative: dtype === 'f32' ? 1e-6 : 4e-3, absolute: 0 },
  };
}
