import type { Problem } from '../../eval/data.ts';
import { policyPass } from '../policy.ts';
import { supervisedRow } from '../supervised_metrics.ts';
import { type Method, type MethodOptions, passOptions, type StepOutcome, type StepRun } from './method.ts';
import { rollout } from './rollout.ts';

/**
 * Unsupervised prefix fine-tuning (Ji et al., arXiv 2503.02875): the first `prefix_length` tokens of the frozen model's own
 * samples are learned as in SFT. No answer is looked at, so nothing beyond the prefix is sampled.
 */
export class PrefixFineTuning implements Method {
  readonly size: number;
  readonly #o: MethodOptions;

  constructor(options: MethodOptions) {
    this.#o = options;
    this.size = options.problems.length;
  }

  async step(run: StepRun): Promise<StepOutcome> {
    const { config, lm, problems, encode, now } = this.#o;
    const begun = now();
    const prompts = run.draw(config.num_prompts).map((place) => encode(problems[place] as Problem));
    const maxNewTokens = Math.min(config.prefix_length, config.max_completion_length);
    const completions = await rollout(this.#o, run, prompts, { maxNewTokens });
    const rolledOut = now();
    const groups = prompts.map((prompt, i) => {
      const ids = (completions[i] ?? []).map((completion) => completion.ids);
      return { prompt: prompt.ids, completions: ids, advantages: ids.map(() => 1) };
    });
    const { pass, gradNorm } = await run.update(() =>
      policyPass(lm.model, groups, { ...passOptions(this.#o, run), temperature: 1, beta: 0, lossType: 'dapo' }),
    );
    const sampled = completions.flat();
    const figures = {
      loss: pass.loss,
      gradNorm,
      lengths: sampled.map(({ ids }) => ids.length),
      promptTokens: groups.reduce((sum, { prompt, completions: all }) => sum + prompt.length * all.length, 0),
      cut: sampled.map(({ finishReason }) => finishReason === 'length'),
      rolloutTime: (rolledOut - begun) / 1000,
      trainTime: (now() - rolledOut) / 1000,
    };
    const rows = prompts.flatMap((prompt, i) =>
      (completions[i] ?? []).map((completion, index) => ({
        step: run.step,
        problem: prompt.problem.index,
        completion_index: index,
        prompt: prompt.text,
        completion: lm.tokenizer.decode(completion.ids, { skipSpecialTokens: true }),
        finish_reason: completion.finishReason,
        tokens: completion.ids.length,
      })),
    );
    return { samples: [], completions: rows, row: (common) => supervisedRow({ ...figures, ...common }) };
  }
}
