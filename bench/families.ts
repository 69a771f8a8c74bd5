import type { KernelCase } from '../test/cases/case.ts';
import { MODELS, type ModelShape } from '../test/cases/shapes.ts';

/** Models whose shapes are measured, as they are named on the command line. */
export const SHAPES: Readonly<Record<string, ModelShape>> = {
  demo: MODELS[0] as ModelShape,
  '135m': MODELS[1] as ModelShape,
  '1.5b': MODELS[2] as ModelShape,
};

/** Kernels of one file, forward and backward. */
export interface Family {
  readonly name: string;
  /** The cases that they are timed on at the shapes of these models, data and all; what has no model's shape is with the first. */
  cases(models: readonly ModelShape[]): Promise<KernelCase[]>;
  /** Names of the kernels. */
  kernels(): Promise<string[]>;
}

type BenchCases = (models?: readonly ModelShape[]) => KernelCase[];

/** Of each file what is timed, alone: the tests' cases beside it then are no part of the app. Those left out time nothing. */
const BENCH_CASES = import.meta.glob<BenchCases>(
  ['../test/cases/*.ts', '!../test/cases/{case,decode_advance,decode_rows,linear_gated,roofline,shapes,weights}.ts'],
  { eager: true, import: 'benchCases' },
);

export const FAMILIES: readonly Family[] = Object.entries(BENCH_CASES).map(([path, benchCases]) => {
  const make = async (models: readonly ModelShape[]) => {
    const cases = benchCases(models);
    const of = cases.filter(({ shape }) => models.includes(modelOf(shape) ?? (models[0] as ModelShape)));
    // Two models may have a shape in common.
    return [...new Map(of.map((c) => [`${c.kernel} ${c.shape}`, c])).values()];
  };
  return {
    name: (path.split('/').at(-1) as string).replace(/\.ts$/, ''),
    cases: make,
    kernels: async () => [...new Set((await make([MODELS[0] as ModelShape])).map(({ kernel }) => kernel))],
  };
});

/** The model that a case's shape is of, as far as the shape tells. */
function modelOf(shape: string): ModelShape | undefined {
  const words = new Set(shape.split(/[\s,]+/));
  return (
    MODELS.find((model) => words.has(model.name)) ??
    MODELS.find((model) => words.has(`V=${model.v}`) || words.has(`C=${model.c}`))
  );
}
