import { policyPass } from '../policy.ts';
import { sequenceLogps, sumOf } from '../sequence_logps.ts';
import { preferenceRow } from '../supervised_metrics.ts';
import type { Pair } from '../traces.ts';
import { type Method, type MethodOptions, passOptions, type StepOutcome, type StepRun } from './method.ts';

/** Log-probabilities of the chosen and the rejected completion of each pair, summed over their tokens. */
export interface PairLogps {
  readonly chosen: readonly number[];
  readonly rejected: readonly number[];
}

/**
 * Direct preference optimisation (Rafailov et al., arXiv 2305.18290): the mean of −log σ(margin), margin = β((log π − log
 * π_ref)(chosen) − (log π − log π_ref)(rejected)).
 * @returns loss; rewards, β times each log-ratio, as TRL logs them; `pull` [pairs], minus the loss's derivative by log π(chosen),
 *   which is its derivative by log π(rejected) too
 */
function dpoLoss(policy: PairLogps, reference: PairLogps, beta: number) {
  const reward = (side: keyof PairLogps) =>
    policy[side].map((logp, i) => beta * (logp - (reference[side][i] as number)));
  const [chosen, rejected] = [reward('chosen'), reward('rejected')];
  const margins = chosen.map((x, i) => x - (rejected[i] as number));
  const n = margins.length;
  // log(1 + e^-m), for any m without overflow.
  const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  return {
    loss: margins.reduce((sum, margin) => sum + softplus(-margin), 0) / n,
    rewards: { chosen, rejected },
    margins,
    pull: margins.map((margin) => beta / (1 + Math.exp(margin)) / n),
  };
}

/** DPO on pairs; the reference is the model without vectors, and the temperature is 1. */
export class PreferenceOptimization implements Method {
  readonly size: number;
  readonly #o: MethodOptions;
  readonly #pairs: readonly Pair[];

  constructor(options: MethodOptions) {
    this.#o = options;
    this.#pairs = (options.examples ?? []) as readonly Pair[];
    this.size = this.#pairs.length;
  }

  async step(run: StepRun): Promise<StepOutcome> {
    const { config, lm, now, signal } = this.#o;
    const begun = now();
    const pairs = run.draw(config.num_prompts).map((place) => this.#pairs[place] as Pair);
    const sequences = pairs.map(({ prompt, chosen, rejected }) => ({
      prompt: prompt.ids,
      completions: [chosen, rejected],
    }));
    const sums = async (steering?: StepRun['steering']): Promise<PairLogps> => {
      const options = { temperature: 1, maxRows: run.maxRows, signal, steering };
      const logps = await sequenceLogps(lm.model, sequences, options);
      return { chosen: logps.map(([c]) => sumOf(c)), rejected: logps.map(([, r]) => sumOf(r)) };
    };
    const policy = await sums(run.steering);
    const dpo = dpoLoss(policy, await sums(), config.dpo_beta);

    // The loss depends on sums of log-probabilities alone: its gradient is theirs, weighted by `pull`.
    const groups = sequences.map((group, i) => ({
      ...group,
      advantages: [dpo.pull[i] as number, -(dpo.pull[i] as number)],
    }));
    const { gradNorm } = await run.update(async () => {
      const options = { ...passOptions(this.#o, run), temperature: 1, beta: 0, lossType: 'sum' } as const;
      return { ...(await policyPass(lm.model, groups, options)), loss: dpo.loss };
    });
    const figures = {
      ...dpo,
      policy,
      gradNorm,
      tokens: sequences.reduce(
        (sum, { prompt, completions }) => sum + completions.reduce((all, ids) => all + prompt.length + ids.length, 0),
        0,
      ),
      rolloutTime: 0,
      trainTime: (now() - begun) / 1000,
    };
    return { samples: [], completions: [], row: (common) => preferenceRow({ ...figures, ...common }) };
  }
}
