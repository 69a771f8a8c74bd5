import { now } from '#platform';
import { stopCondition } from '../src/eval/completions.ts';
import { builtinReward } from '../src/eval/rewards.ts';
import type { Device } from '../src/gpu/device.ts';
import { type Timing, timing } from '../src/gpu/timing.ts';
import { generate } from '../src/model/generate.ts';
import { type Group, type Packed, pack } from '../src/model/packing.ts';
import { ActivationStore } from '../src/train/activation_store.ts';
import type { PolicyGroup, PolicyOptions } from '../src/train/policy.ts';
import { memoryStore } from '../src/train/rundir.ts';
import { Trainer } from '../src/train/trainer.ts';
import type { EndToEnd, ProfileRun } from './end_to_end.ts';
import { floorOf } from './floor.ts';
import { interleaved, ratios } from './measure.ts';
import { RECORD_NAME, recordRow } from './record.ts';
import type { Extra, Row, Rows } from './row.ts';
import { separated, signed, syntheticGroup, TrainingPasses, VECTOR } from './training_passes.ts';
import { attendedShare, dispatchesOf, repeated, rolloutRequests, type Work, workRow } from './whole_work.ts';

const PASSES = ['forward', 'training_pass', 'training_pass_recompute', 'training_pass_kept'] as const;
const SHARING = ['shared_prompt', 'shared_prefixes'] as const;
export const TRAINING_NAMES = [...PASSES, 'training_pass_kl', ...SHARING, 'step', 'step_computed_again'] as const;

/** Turns of passes whose ratio is wanted. */
const TURNS = 3;
/** Steps before those that are timed: they compile, and see numbers of rows for the first time. */
const FIRST_STEPS = 3;
/** Steps that are timed: an even number, so that each setting goes first as often as the other. */
const STEPS = 6;
/** The shared prompt of the published comparisons. */
export const SHARED = { completions: 16, tokens: 60, prompt: 120 };

/** Measures the rows that `wanted` takes and hands each to `emit`. */
export async function trainingRows(
  setup: EndToEnd,
  rows: Rows,
  wanted: (name: string) => boolean,
  profile: ProfileRun | undefined,
  emit: (row: Row) => void,
): Promise<void> {
  const bench = new TrainingBench(setup, rows, emit);
  try {
    if (PASSES.some(wanted) || wanted(RECORD_NAME)) await bench.passes(wanted, profile);
    if (wanted('training_pass_kl')) await bench.reference();
    if (wanted('shared_prompt')) await bench.sharedPrompt();
    if (wanted('shared_prefixes')) await bench.sharedPrefixes();
    if (wanted('step') || wanted('step_computed_again')) await bench.steps();
  } finally {
    bench.dispose();
  }
}

class TrainingBench {
  readonly #o: EndToEnd;
  readonly #rows: Rows;
  readonly #emit: (row: Row) => void;
  readonly #device: Device;
  readonly #passes: TrainingPasses;

  constructor(setup: EndToEnd, rows: Rows, emit: (row: Row) => void) {
    this.#o = setup;
    this.#rows = rows;
    this.#emit = emit;
    this.#device = setup.lm.model.device;
    this.#passes = new TrainingPasses(setup.lm, setup.config);
  }

  dispose(): void {
    this.#passes.dispose();
  }

  /**
   * The forward pass (log-probabilities of sampled completions, nothing recorded) and the training passes on the same
   * packed tokens, in turns, those that are wanted; no completion has advantage zero, and there is no KL penalty.
   */
  async passes(wanted: (name: string) => boolean, profile: ProfileRun | undefined): Promise<void> {
    const { lm } = this.#o;
    const { model } = lm;
    this.#o.onTurn?.('rollout', 0, 1, 'completions to train on');
    const { groups, packed, store } = await this.#kept();
    this.#o.onTurn?.('rollout', 1, 1);
    const training = (options: Partial<PolicyOptions>) => () => this.#passes.train(groups, options);
    const least = floorOf(model, packed, 0);
    const every: { name: (typeof PASSES)[number]; run: () => Promise<unknown>; floor?: number }[] = [
      { name: 'forward', run: () => this.#passes.forward(groups) },
      { name: 'training_pass', run: training({}), floor: least.training },
      { name: 'training_pass_recompute', run: training({ recompute: 'layer' }), floor: least.recompute },
      { name: 'training_pass_kept', run: training({ store }), floor: least.kept },
    ];
    const recorded = wanted(RECORD_NAME);
    const contenders = every.filter(
      ({ name }) => name === 'forward' || wanted(name) || (recorded && name === 'training_pass'),
    );
    const times = await this.#inTurns(
      'training passes',
      contenders.map(({ run }) => run),
    );
    const shape = `${this.#group()}, ${packed.n} rows, ${packed.targets.length} targets`;
    const attentionShare = attendedShare(packed.ranges);
    for (const [i, { name, run, floor }] of contenders.entries()) {
      const time = times[i] as Timing;
      const ratio = time.median / (times[0] as Timing).median;
      const dispatches = await dispatchesOf(this.#device, run);
      const work = dispatches && { dispatches, attentionShare };
      const against = floor && { ratio_to_forward: ratio, floor: floor / least.forward };
      this.#row(name, shape, time, packed.targets.length, work, against || {});
      if (recorded && name === 'training_pass') this.#emit(await recordRow(lm, this.#rows, name, shape, run));
    }
    // The figures are there before what explains them.
    for (const { name, run } of contenders) await profile?.(name, run);
    store.dispose();
    await this.#tell(groups);
  }

  /** Runs the pass once more for who wants to compare its gradient. */
  async #tell(groups: readonly PolicyGroup[]): Promise<void> {
    const { onTraining, lm } = this.#o;
    if (!onTraining) return;
    const { num_hidden_layers: layers, hidden_size: c } = lm.model.config;
    this.#device.write(this.#passes.target.grad, new Float32Array(layers * c));
    await this.#passes.train(groups, {});
    onTraining({ groups, vector: VECTOR, gradient: Array.from(await this.#device.read(this.#passes.target.grad)) });
  }

  /**
   * The training pass with the penalty against the model without vectors, beside the one without: all layers trained, then the
   * upper half, then all out of what the rollout kept.
   */
  async reference(): Promise<void> {
    const { lm } = this.#o;
    const { layers } = this.#passes.target;
    const all = { target: this.#passes.target, lowest: 0 };
    const top = Math.floor(lm.model.layers.length / 2);
    const upper = {
      target: { ...this.#passes.target, layers: new Set([...layers].filter((l) => l >= top)) },
      lowest: top,
    };
    const { groups, packed, store } = await this.#kept({ reference: true });
    const contenders = [all, upper, { ...all, store }].flatMap((options) => [
      () => this.#passes.train(groups, options),
      () => this.#passes.train(groups, { ...options, beta: 0.01 }),
    ]);
    const times = await this.#inTurns('training_pass_kl', contenders);
    const shape = `${this.#group()}, ${packed.n} rows`;
    const row = (i: number, what: string, lowest: number, without: 'training' | 'kept') => {
      const [plain, kl] = times.slice(2 * i) as [Timing, Timing];
      const floor = floorOf(lm.model, packed, lowest);
      const note =
        `${(kl.median / plain.median).toFixed(2)} x without; floor ` +
        `${((floor[without] + floor.reference) / floor[without]).toFixed(2)}`;
      this.#row('training_pass_kl', `${shape}${what}`, kl, packed.targets.length, undefined, { note });
    };
    row(0, '', 0, 'training');
    row(1, `, layers ${top} and up`, top, 'training');
    row(2, ', kept', 0, 'kept');
    store.dispose();
  }

  /** Completions that share their prompt's rows, beside the same completions each with the prompt before it. */
  async sharedPrompt(): Promise<void> {
    const shape = `K=${SHARED.completions} of ${SHARED.tokens} tokens, prompt of ${SHARED.prompt}`;
    await this.#besideSeparate('shared_prompt', shape, [syntheticGroup(this.#o.lm, SHARED)]);
  }

  /** Sampled completions, which begin alike in part, beside the same completions each on its own. */
  async sharedPrefixes(): Promise<void> {
    const { groups, packed, store } = await this.#kept();
    store.dispose();
    const promptAlone = groups.reduce(
      (sum, { prompt, completions }) => completions.reduce((rows, ids) => rows + ids.length - 1, sum + prompt.length),
      0,
    );
    const note = `${packed.n} rows of ${promptAlone} that share the prompt alone`;
    await this.#besideSeparate('shared_prefixes', this.#group(), groups, note);
  }

  async #besideSeparate(name: string, shape: string, groups: readonly Group[], ...notes: string[]): Promise<void> {
    const shared = groups.map(signed);
    const separate = shared.flatMap(separated);
    const [own, each] = (await this.#inTurns(name, [
      () => this.#passes.train(shared, {}),
      () => this.#passes.train(separate, {}),
    ])) as [Timing, Timing];
    const [packed, apart] = [shared, separate].map((list) => pack(list)) as [Packed, Packed];
    const faster =
      `${(each.median / own.median).toFixed(2)} x as fast as separate sequences (${each.median.toFixed(0)} ms, ` +
      `${each.p25.toFixed(0)} to ${each.p75.toFixed(0)}); ${(apart.n / packed.n).toFixed(2)} by the rows`;
    this.#row(name, shape, own, packed.targets.length, undefined, { note: [faster, ...notes].join('; ') });
  }

  /**
   * Whole training steps, rollout, rewards, training pass, update and metrics: with what the rollout kept, and without. Steps
   * are unequal, so a step is held against the same step of the other: same seed, same prompts, as many tokens.
   */
  async steps(): Promise<void> {
    const runs = (['auto', 'off'] as const).map((reuse) => this.#trainer(reuse));
    try {
      const total = runs.length * (FIRST_STEPS + STEPS);
      for (let i = 0; i < FIRST_STEPS + STEPS; i++) {
        for (const [j, run] of (i % 2 ? runs.toReversed() : runs).entries()) {
          this.#o.onTurn?.('steps', runs.length * i + j, total);
          await run.step();
        }
      }
      this.#o.onTurn?.('steps', total, total);
    } finally {
      for (const run of runs) run.dispose();
    }
    const [kept, again] = runs.map(({ times }) => timing(times, 'wall')) as [Timing, Timing];
    const [tokens, tokensAgain] = runs.map((run) => sum(run.tokens) / STEPS) as [number, number];
    const [gradient, gradientAgain] = runs.map(({ training }) => {
      const { median } = timing(training, 'wall');
      return `gradient and update ${median.toFixed(0)} ms`;
    }) as [string, string];
    const [own, other] = runs as [(typeof runs)[number], (typeof runs)[number]];
    const { median, p25, p75 } = ratios(other.times, own.times);
    const differ = own.tokens.filter((count, i) => count !== other.tokens[i]).length;
    const faster =
      `step by step ${median.toFixed(2)} x as fast as without reuse_activations (${p25.toFixed(2)} to ${p75.toFixed(2)})` +
      (differ > 0 ? `, ${differ} of the steps with other tokens` : '');
    this.#row('step', this.#group(), kept, tokens, undefined, { note: `${gradient}; ${faster}` });
    this.#row('step_computed_again', this.#group(), again, tokensAgain, undefined, { note: gradientAgain });
  }

  #trainer(reuse: 'auto' | 'off') {
    const { lm, config, problems, encode, stop } = this.#o;
    const run = {
      times: [] as number[],
      training: [] as number[],
      tokens: [] as number[],
      step: async () => {},
      dispose: () => {},
    };
    const trainer = new Trainer({
      lm,
      config: { ...config, max_steps: FIRST_STEPS + STEPS, save_steps: 0, reuse_activations: reuse },
      problems,
      encode,
      stop,
      digest: 'benchmark',
      reward: builtinReward('correct', config.answer, 0) as NonNullable<ReturnType<typeof builtinReward>>,
      rewardName: 'correct',
      store: memoryStore(),
      now,
      onStep: (row, samples) => {
        if (row.step < FIRST_STEPS) return;
        run.times.push(row.step_time * 1000);
        run.training.push(row.train_time * 1000);
        run.tokens.push(sum(samples.map((sample) => sample.completion.ids.length)));
      },
    });
    run.step = async () => {
      let done = false;
      await trainer.run(async () => {
        const enough = done;
        done = true;
        return enough;
      });
    };
    run.dispose = () => trainer.dispose();
    return run;
  }

  /** Completions of a step, packed, and what their rollout kept. */
  async #kept(options: { reference?: boolean } = {}) {
    const { lm, config, encode, problems, stop } = this.#o;
    const prompts = problems.slice(0, config.num_prompts).map(encode);
    const rows = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
    const most = rows + config.num_prompts * config.num_generations * config.max_completion_length;
    const store = new ActivationStore(this.#device, this.#passes.target, most, options);
    const shouldStop = stopCondition(lm, stop);
    const completions = await generate(lm.model, rolloutRequests(config, prompts), {
      seed: 0,
      eosIds: lm.eosIds,
      steering: this.#passes.steering,
      ...(shouldStop && { shouldStop }),
      keeper: store,
    });
    const groups = completions.map(
      (group, i): PolicyGroup => ({
        ...signed({ prompt: prompts[i]?.ids ?? [], completions: group.map(({ ids }) => ids) }),
        kept: group.map(({ kept }) => kept),
      }),
    );
    return { groups, packed: pack(groups), store };
  }

  #inTurns(part: string, runs: readonly (() => Promise<unknown>)[]): Promise<Timing[]> {
    return interleaved(runs.map(repeated), TURNS, (done, total) => this.#o.onTurn?.(part, done, total));
  }

  #group(): string {
    return `${this.#o.config.num_prompts} prompts x ${this.#o.config.num_generations}`;
  }

  #row(name: string, shape: string, time: Timing, tokens: number, work?: Work, extra?: Extra): void {
    this.#emit(workRow(this.#rows, this.#o.lm, { name, shape, time, tokens, work, ...(extra && { extra }) }));
  }
}

function sum(list: readonly number[]): number {
  return list.reduce((a, b) => a + b, 0);
}
