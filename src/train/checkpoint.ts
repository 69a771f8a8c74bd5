import type { Capabilities } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import { type Tuning, UNTUNED } from '../gpu/tuning.ts';
import { hasOrder, lacking } from '../kernels/tune.ts';
import { parseSafetensors, writeSafetensors } from '../model/safetensors.ts';
import { parseTrainConfig, type TrainConfig } from './config.ts';
import { RUN_FILES, type RunStore } from './rundir.ts';

/** The optimiser's state on the host, all [L, C]. */
export interface OptimizerState {
  readonly vectors: Float32Array;
  readonly expAvg: Float32Array;
  readonly expAvgSq: Float32Array;
}

/** Everything that a run needs to go on to the same bits; random numbers are counter-based and need no state. */
export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  /** Wall seconds of all parts of the run so far. */
  readonly seconds: number;
  readonly numTokens: number;
  /** Examples drawn so far: dynamic sampling draws more than `num_prompts` a step. Absent in older checkpoints. */
  readonly drawn?: number;
  /** Steps of warm-up as they were at the start: a longer resumed run keeps them. */
  readonly warmup: number;
  /** Identity of the frozen model. */
  readonly model: string;
  /** Digest of the problems as the model is asked them: questions, answers, prompt, stop texts. */
  readonly problems: string;
  /** Adapter that the steps ran on: another one rounds differently. */
  readonly adapter: string;
  /** Variants of kernels that the steps ran with. Absent in older checkpoints, which knew none. */
  readonly tuning?: Tuning;
  readonly config: TrainConfig;
  readonly numLayers: number;
  readonly hiddenSize: number;
  readonly state: OptimizerState;
}

export async function saveCheckpoint(store: RunStore, checkpoint: Checkpoint): Promise<void> {
  const { state, numLayers, hiddenSize, ...rest } = checkpoint;
  const tensor = (name: string, data: Float32Array) => ({
    name,
    dtype: 'F32' as const,
    shape: [numLayers, hiddenSize],
    data,
  });
  const bytes = writeSafetensors(
    [tensor('steering', state.vectors), tensor('exp_avg', state.expAvg), tensor('exp_avg_sq', state.expAvgSq)],
    { trimtab_checkpoint: JSON.stringify(rest) },
  );
  await store.writeAtomic(RUN_FILES.checkpoint, bytes);
}

/** @throws UserError when the folder holds no checkpoint, or a broken one. */
export async function loadCheckpoint(store: RunStore): Promise<Checkpoint> {
  const where = `${store.where}/${RUN_FILES.checkpoint}`;
  const bytes = await store.read(RUN_FILES.checkpoint);
  if (!bytes) {
    throw new UserError(
      `${where} does not exist: there is nothing to resume. Start the run with --out ${store.where} instead.`,
    );
  }
  const { tensors, metadata } = parseSafetensors(bytes, where);
  const [steering, expAvg, expAvgSq] = ['steering', 'exp_avg', 'exp_avg_sq'].map((name) => tensors.get(name));
  const rest = metadata.trimtab_checkpoint;
  if (!steering || !expAvg || !expAvgSq || !rest || steering.shape.length !== 2) {
    throw new UserError(
      `${where} is no trimtab checkpoint: steering, exp_avg, exp_avg_sq and their metadata were expected.`,
    );
  }
  const [numLayers, hiddenSize] = steering.shape as [number, number];
  for (const tensor of [steering, expAvg, expAvgSq]) {
    if (tensor.dtype === 'F32' && tensor.data.length === numLayers * hiddenSize) continue;
    throw new UserError(`${where} is broken: its three tensors should be F32 [${numLayers}, ${hiddenSize}] each.`);
  }
  return {
    ...parseMetadata(rest, where),
    numLayers,
    hiddenSize,
    state: {
      vectors: steering.data as Float32Array,
      expAvg: expAvg.data as Float32Array,
      expAvgSq: expAvgSq.data as Float32Array,
    },
  };
}

function parseMetadata(text: string, where: string): Omit<Checkpoint, 'state' | 'numLayers' | 'hiddenSize'> {
  let value: Partial<Checkpoint>;
  try {
    value = JSON.parse(text) as Partial<Checkpoint>;
  } catch {
    throw new UserError(`${where} is broken: its metadata is not JSON. Start a new run with another --out.`);
  }
  const { step, seconds, numTokens, warmup, model, problems, adapter, config } = value;
  const numbers = [step, seconds, numTokens, warmup].every((x) => typeof x === 'number' && Number.isFinite(x));
  const texts = [model, problems, adapter].every((x) => typeof x === 'string');
  if (!numbers || !texts || typeof config !== 'object') {
    throw new UserError(
      `${where} was written by another version of trimtab: its metadata lacks fields. Start a new run.`,
    );
  }
  return { ...(value as Checkpoint), config: parseTrainConfig(config, where) };
}

/**
 * Fields that may differ when a run goes on: they do not enter any number of a step (what `model` and `data`
 * stand for is compared by identity and digest), but for memory_budget, which may cut the
 * micro-batches elsewhere and so change the last bits. Who ran out of memory must be able to go on with another one.
 */
const FREE: ReadonlySet<string> = new Set([
  'max_steps',
  'num_train_epochs',
  'output_dir',
  'save_steps',
  'logging_steps',
  'early_stopping_patience',
  'memory_budget',
  'model',
  'data',
]);

/** @throws UserError naming the first field in which the resumed run would differ. */
export function checkResumable(checkpoint: Checkpoint, config: TrainConfig, model: string, where: string): void {
  if (checkpoint.model !== model) {
    throw new UserError(
      `${where} was trained on another model (${checkpoint.model}, this one is ${model}). Pass the same --model.`,
    );
  }
  for (const key of Object.keys(config) as (keyof TrainConfig)[]) {
    if (FREE.has(key)) continue;
    const [before, now] = [JSON.stringify(checkpoint.config[key]), JSON.stringify(config[key])];
    if (before !== now) {
      throw new UserError(
        `${where} was trained with ${key} ${before}, this run asks for ${now}. Leave it as it was, or start a new run with --out.`,
      );
    }
  }
}

/**
 * The tuning that a run goes on with, whatever has been measured since: another variant could round otherwise.
 *
 * @throws UserError where the adapter lacks its order of summation
 */
export function pinnedTuning({ tuning = UNTUNED }: Checkpoint, caps: Capabilities, where: string): Tuning {
  if (hasOrder(caps, tuning.order)) return tuning;
  throw new UserError(
    `${where} was trained with products in the order ${tuning.order}. ${lacking(caps, tuning.order)}. Go on where it is offered, or start a new run with --out.`,
  );
}
