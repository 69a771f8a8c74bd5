import { policyPass } from '../policy.ts';
import { supervisedRow } from '../supervised_metrics.ts';
import type { Trace } from '../traces.ts';
import { type Method, type MethodOptions, passOptions, type StepOutcome, type StepRun } from './method.ts';

/** Supervised fine-tuning: the mean negative log-probability of all completion tokens of the step, at temperature 1. */
export class SupervisedFineTuning implements Method {
  readonly size: number;
  readonly #o: MethodOptions;
  readonly #traces: readonly Trace[];

  constructor(options: MethodOptions) {
    this.#o = options;
    this.#traces = (options.examples ?? []) as readonly Trace[];
    this.size = this.#traces.length;
  }

  async step(run: StepRun): Promise<StepOutcome> {
    const { config, lm, now } = this.#o;
    const begun = now();
    const traces = run.draw(config.num_prompts).map((place) => this.#traces[place] as Trace);
    // With advantage 1 and N_tok below the line the policy loss is the mean negative log-probability.
    const groups = traces.map(({ prompt, completion }) => ({
      prompt: prompt.ids,
      completions: [completion],
      advantages: [1],
    }));
    const { pass, gradNorm } = await run.update(() =>
      policyPass(lm.model, groups, { ...passOptions(this.#o, run), temperature: 1, beta: 0, lossType: 'dapo' }),
    );
    const lengths = traces.map(({ completion }) => completion.length);
    const figures = {
      loss: pass.loss,
      gradNorm,
      lengths,
      promptTokens: traces.reduce((sum, { prompt }) => sum + prompt.ids.length, 0),
      cut: traces.map((trace) => trace.cut),
      rolloutTime: 0,
      trainTime: (now() - begun) / 1000,
    };
    return { samples: [], completions: [], row: (common) => supervisedRow({ ...figures, ...common }) };
  }
}
