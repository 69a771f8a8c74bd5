import { type SteeringTarget, Tape } from '../src/autograd/tape.ts';
import type { LanguageModel } from '../src/model/language_model.ts';
import { logProbabilities } from '../src/model/log_probabilities.ts';
import { type Group, pack, uploadPacked } from '../src/model/packing.ts';
import type { Steering } from '../src/model/steering.ts';
import type { TrainConfig } from '../src/train/config.ts';
import { type PolicyGroup, type PolicyOptions, policyPass } from '../src/train/policy.ts';

/** What every element of the vectors is. */
export const VECTOR = 0.01;

/** The forward pass and the training pass over completions that are given, with a vector for every layer. */
export class TrainingPasses {
  /** The gradient of every layer's vector. */
  readonly target: SteeringTarget;
  readonly steering: Steering;
  readonly #lm: LanguageModel;
  readonly #config: TrainConfig;

  constructor(lm: LanguageModel, config: TrainConfig) {
    this.#lm = lm;
    this.#config = config;
    const { num_hidden_layers: layers, hidden_size: c } = lm.model.config;
    const vectors = (value: number, label: string) =>
      lm.model.device.upload(new Float32Array(layers * c).fill(value), [layers, c], 'f32', label);
    this.steering = { tensor: vectors(VECTOR, 'vectors'), scale: 1 };
    this.target = { grad: vectors(0, 'gradient'), layers: new Set(Array.from({ length: layers }, (_, l) => l)) };
  }

  dispose(): void {
    for (const tensor of [this.steering.tensor, this.target.grad]) this.#lm.model.device.arena.free(tensor);
  }

  /** Log-probabilities of the completions, nothing recorded for a gradient. */
  async forward(groups: readonly Group[]): Promise<void> {
    const { model } = this.#lm;
    const { device } = model;
    const tables = uploadPacked(device, pack(groups));
    const tape = new Tape(device);
    const logp = logProbabilities(tape, model, tables, { steering: this.steering, temperature: 1 });
    await device.read(logp.tensor);
    tape.release(logp);
    tables.free();
  }

  /** Loss and gradient, by default of all vectors, without recomputation and without a KL penalty. */
  train(groups: readonly PolicyGroup[], options: Partial<PolicyOptions> = {}) {
    return policyPass(this.#lm.model, groups, {
      steering: this.steering,
      target: this.target,
      recompute: 'none',
      temperature: 1,
      beta: 0,
      lossType: this.#config.loss_type,
      maxCompletionLength: this.#config.max_completion_length,
      maxRows: Number.POSITIVE_INFINITY,
      ...options,
    });
  }
}

/** A prompt and completions of so many tokens each that begin differently. */
export function syntheticGroup(
  lm: LanguageModel,
  lengths: { prompt: number; completions: number; tokens: number },
): Group {
  const { vocab_size } = lm.model.config;
  const ids = (n: number, seed: number) => Array.from({ length: n }, (_, i) => (7 + 31 * (i + seed)) % vocab_size);
  return {
    prompt: ids(lengths.prompt, 0),
    completions: Array.from({ length: lengths.completions }, (_, k) => ids(lengths.tokens, 97 * (k + 1))),
  };
}

/** A group none of whose advantages is zero. */
export function signed(group: Group): PolicyGroup {
  const { length } = group.completions;
  return { ...group, advantages: group.completions.map((_, k) => (k % 2 === 0 ? 1 : -1) * (1 + k / length)) };
}

/** The same completions, each with a prompt of its own before it. */
export function separated({ prompt, completions, advantages }: PolicyGroup): PolicyGroup[] {
  return completions.map((completion, k) => ({
    prompt,
    completions: [completion],
    advantages: [advantages[k] as number],
  }));
}
