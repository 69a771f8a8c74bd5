import { type Packed, pack } from '../src/model/packing.ts';
import type { PolicyGroup } from '../src/train/policy.ts';
import { Decoding, decodingCache, MANY, OWN, PASSES, positionsOf } from './decoding.ts';
import type { EndToEnd } from './end_to_end.ts';
import { type Floor, floorOf } from './floor.ts';
import { SHARED } from './training.ts';
import { separated, signed, syntheticGroup, TrainingPasses } from './training_passes.ts';

export type SweepName = 'tokens' | 'batch' | 'completions' | 'context' | 'layers';

/** A value of a sweep on one of its lines, ready to run. */
export interface Point {
  readonly line: string;
  readonly value: number;
  readonly shape: string;
  /** Tokens that the pass is about. */
  readonly tokens: number;
  /** Floating-point operations of one run's products and attentions. */
  readonly flops: number;
  /** Passes of one run. */
  readonly executions: number;
  /** The operations over those of the reference. */
  readonly floor?: number;
  run(): Promise<unknown>;
}

/** What is varied, and what is measured on it. */
export interface Sweep {
  /** What is measured at each value. */
  readonly lines: readonly string[];
  /** The value that the others are held against: it is always measured, and first. */
  readonly reference?: number;
  /** Ascending. */
  values(setup: EndToEnd): number[];
  /** The least value and the largest. */
  bounds(setup: EndToEnd): readonly [number, number];
  /** Makes the points, whose buffers live until `dispose`. */
  open(setup: EndToEnd, values: readonly number[]): { points: Point[]; dispose(): void };
}

/** Rows of one sequence where many make up a pass: half of them a prompt. */
const SEQUENCE = 64;
/** The shared prompt of the sweep over the batch. */
const BATCH_PROMPT = 64;
const MAX_SEQUENCES = 1024;
const MAX_ROWS = 65_536;
/** Longest context that is measured unless a longer one is named. */
const LONGEST = 8192;
/** Points of the sweep over layers besides the forward pass, at most. */
const LAYER_POINTS = 6;
/** The prompt before the completions of the sweep over layers. */
const LAYERS_PROMPT = 64;

const doubled = (from: number, to: number) => {
  const values: number[] = [];
  for (let value = from; value <= to; value *= 2) values.push(value);
  return values;
};

export const SWEEPS: Readonly<Record<SweepName, Sweep>> = {
  tokens: {
    lines: ['forward pass', 'training pass'],
    values: () => doubled(32, 2048),
    bounds: () => [1, MAX_ROWS],
    open(setup, values) {
      const passes = new TrainingPasses(setup.lm, setup.config);
      const points = values.flatMap((value) => {
        const groups = sequences(setup, value);
        const { floor } = workOf(setup, groups);
        const point = { value, shape: `${value} rows`, tokens: value, executions: 1 };
        return [
          { ...point, line: 'forward pass', flops: floor.forward, run: () => passes.forward(groups) },
          { ...point, line: 'training pass', flops: floor.training, run: () => passes.train(groups) },
        ];
      });
      return { points, dispose: () => passes.dispose() };
    },
  },

  batch: {
    lines: ['decode pass'],
    values: () => doubled(1, 64),
    bounds: () => [1, MAX_SEQUENCES],
    open: (setup, values) =>
      decoding(
        setup,
        values.map((k) => ({ line: 'decode pass', value: k, k, prompt: BATCH_PROMPT })),
      ),
  },

  completions: {
    lines: ['separate sequences', 'prompt once'],
    values: () => doubled(1, 16),
    bounds: () => [1, MAX_SEQUENCES],
    open(setup, values) {
      const passes = new TrainingPasses(setup.lm, setup.config);
      const points = values.flatMap((value) => {
        const group = signed(syntheticGroup(setup.lm, { ...SHARED, completions: value }));
        const lines = [
          ['separate sequences', separated(group)],
          ['prompt once', [group]],
        ] as const;
        return lines.map(([line, groups]): Point => {
          const { floor, packed } = workOf(setup, groups);
          return {
            line,
            value,
            shape: `K=${value} of ${SHARED.tokens} tokens, prompt of ${SHARED.prompt}, ${packed.n} rows`,
            tokens: packed.targets.length,
            flops: floor.training,
            executions: 1,
            run: () => passes.train(groups),
          };
        });
      });
      return { points, dispose: () => passes.dispose() };
    },
  },

  context: {
    lines: ['1 sequence', `${MANY} sequences`],
    values(setup) {
      const most = Math.min(LONGEST, this.bounds(setup)[1]);
      // The last of the powers of two may be as good as the end of the context.
      return [...doubled(32, most / 1.25), most];
    },
    bounds: ({ lm }) => [OWN + 1, lm.model.maxPositions - PASSES],
    open: (setup, values) =>
      decoding(
        setup,
        values.flatMap((value) =>
          [1, MANY].map((k) => ({
            line: k === 1 ? '1 sequence' : `${MANY} sequences`,
            value,
            k,
            prompt: value - OWN,
          })),
        ),
      ),
  },

  layers: {
    lines: ['training pass'],
    reference: 0,
    values({ lm }) {
      const { length } = lm.model.layers;
      const count = Math.min(LAYER_POINTS, length);
      return Array.from({ length: count + 1 }, (_, i) => Math.round((i * length) / count));
    },
    bounds: ({ lm }) => [0, lm.model.layers.length],
    open(setup, values) {
      const { lm, config } = setup;
      const passes = new TrainingPasses(lm, config);
      const { length } = lm.model.layers;
      const lengths = {
        prompt: LAYERS_PROMPT,
        completions: config.num_generations,
        tokens: config.max_completion_length,
      };
      const groups = [signed(syntheticGroup(lm, lengths))];
      const points = values.map((value): Point => {
        const lowest = length - value;
        const { floor, packed } = workOf(setup, groups, lowest);
        const target = { ...passes.target, layers: new Set([...passes.target.layers].filter((l) => l >= lowest)) };
        return {
          line: 'training pass',
          value,
          shape: `${value === 0 ? 'forward alone' : `layers ${lowest} and up`}, ${packed.n} rows`,
          tokens: packed.targets.length,
          flops: value === 0 ? floor.forward : floor.training,
          executions: 1,
          floor: value === 0 ? 1 : floor.training / floor.forward,
          run: () => (value === 0 ? passes.forward(groups) : passes.train(groups, { target, lowest })),
        };
      });
      return { points, dispose: () => passes.dispose() };
    },
  },
};

/** Sequences that are `rows` rows together, each with a prompt of its own. */
function sequences({ lm }: EndToEnd, rows: number): PolicyGroup[] {
  const groups: PolicyGroup[] = [];
  for (let left = rows; left > 0; left -= SEQUENCE) {
    const own = Math.min(SEQUENCE, left);
    const prompt = Math.ceil(own / 2);
    // The last token of a completion has no row.
    groups.push(signed(syntheticGroup(lm, { prompt, completions: 1, tokens: own - prompt + 1 })));
  }
  return groups;
}

function workOf({ lm }: EndToEnd, groups: readonly PolicyGroup[], lowest = 0): { packed: Packed; floor: Floor } {
  const packed = pack(groups);
  return { packed, floor: floorOf(lm.model, packed, lowest) };
}

/** Decode passes of one cache, which the longest prompt and the most completions fill. */
function decoding(
  { lm }: EndToEnd,
  wanted: readonly { line: string; value: number; k: number; prompt: number }[],
): { points: Point[]; dispose(): void } {
  const cache = decodingCache(lm, Math.max(...wanted.map(({ k, prompt }) => positionsOf(k, prompt))));
  const made = wanted.map(({ k, prompt }) => new Decoding(lm, cache, k, prompt));
  const points = wanted.map(({ line, value, k, prompt }, i): Point => {
    const keys = prompt + OWN + PASSES / 2;
    // Every row has a head, and its keys besides.
    const rows = {
      n: k,
      headRows: new Uint32Array(k),
      ranges: Uint32Array.from({ length: 4 * k }, (_, j) => (j % 4 === 1 ? keys : 0)),
    };
    return {
      line,
      value,
      shape: `K=${k}, ${prompt + OWN} keys`,
      tokens: k,
      flops: PASSES * floorOf(lm.model, rows, 0).forward,
      executions: PASSES,
      run: () => (made[i] as Decoding).run(),
    };
  });
  return {
    points,
    dispose() {
      for (const each of made) each.dispose();
      cache.dispose();
    },
  };
}
