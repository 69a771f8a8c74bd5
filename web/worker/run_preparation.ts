import { trainingRule } from '../../src/eval/answer_rules.ts';
import { asker, longestPrompt } from '../../src/eval/ask.ts';
import type { Prompt } from '../../src/eval/completions.ts';
import type { Problem } from '../../src/eval/data.ts';
import { resolvePrompt } from '../../src/eval/prompts.ts';
import { builtinReward } from '../../src/eval/rewards.ts';
import { UserError } from '../../src/gpu/errors.ts';
import type { LanguageModel } from '../../src/model/language_model.ts';
import { parseTrainConfig, type TrainConfig } from '../../src/train/config.ts';
import type { ExperimentOptions } from '../../src/train/experiment.ts';
import { layerRates, trainedLayers } from '../../src/train/layers.ts';
import { withSteps } from '../../src/train/schedule.ts';
import type { RunData } from './run_data.ts';

/** A run that was looked at and can begin. */
export interface PreparedRun
  extends Pick<ExperimentOptions, 'lm' | 'config' | 'encode' | 'stop' | 'reward' | 'rewardName' | 'prompted'> {
  readonly data: RunData;
  /** Tokens of the longest prompt. */
  readonly longest: number;
}

/** What messages call the configuration: the form shows what follows at the field. */
const WHERE = 'settings';

/**
 * Looks at what can be wrong with a run before it begins.
 * @param given fields of the configuration; the rest has its defaults
 * @throws UserError naming the field, the file or the problem
 */
export async function prepare(
  lm: LanguageModel,
  given: Readonly<Record<string, unknown>>,
  read: (config: TrainConfig) => Promise<RunData>,
): Promise<PreparedRun> {
  const parsed = parseTrainConfig(given, WHERE);
  if (parsed.method === 'sft' || parsed.method === 'dpo') {
    throw new UserError(
      `${WHERE}: method is ${parsed.method}; the page trains with rl and upft. The command trimtab train knows the others.`,
    );
  }
  if (parsed.kv_cache_dtype !== lm.model.kvCacheDtype) {
    throw new UserError(
      `${WHERE}: kv_cache_dtype is ${parsed.kv_cache_dtype}; the model was loaded with ${lm.model.kvCacheDtype}. Leave it out.`,
    );
  }
  const spec = resolvePrompt(parsed.prompt, lm.tokenizer.hasChatTemplate);
  const answer = given.answer === undefined ? (trainingRule(spec) ?? parsed.answer) : parsed.answer;
  const data = await read(parsed);
  // Parsed once more, which puts the fields in their order: the vectors' file has them, and a resumed run writes the same bytes.
  const whole = parseTrainConfig({ ...given, ...data.named, answer, model: parsed.model ?? modelPath(lm) }, WHERE);
  const config = withSteps(whole, data.trainProblems.length);
  const { num_hidden_layers: layers } = lm.model.config;
  trainedLayers(config.layers, layers);
  layerRates(config, layers);
  const reward = config.method === 'rl' ? builtinReward(config.reward, answer, config.seed) : () => 0;
  if (!reward) throw new UserError(`${WHERE}: reward is ${config.reward}; the page has correct, random and format.`);
  if (data.testProblems.length === 0) {
    for (const key of ['eval_steps', 'baseline_prompt'] as const) {
      if (!config[key]) continue;
      throw new UserError(
        `${WHERE}: ${key} is ${config[key]}; there are no held-out problems to measure. Hold a part out (eval_split), or leave ${key} out.`,
      );
    }
  }
  // The plan asks every problem, and then the run does.
  const encode = remembered(asker(lm, spec));
  const baseline = config.baseline_prompt && resolvePrompt(config.baseline_prompt, lm.tokenizer.hasChatTemplate);
  const prompted = baseline ? { encode: remembered(asker(lm, baseline)), stop: baseline.stop } : undefined;
  const problems = [...data.trainProblems, ...data.testProblems];
  return {
    lm,
    config,
    data,
    encode,
    stop: config.stop ?? spec.stop,
    reward,
    rewardName: config.method === 'rl' ? config.reward : 'none',
    prompted,
    longest: longestPrompt(problems.map(encode), lm.model.maxPositions),
  };
}

function remembered(ask: (problem: Problem) => Prompt): (problem: Problem) => Prompt {
  const known = new Map<Problem, Prompt>();
  return (problem) => {
    const prompt = known.get(problem) ?? ask(problem);
    known.set(problem, prompt);
    return prompt;
  };
}

/** As the command line knows the model, so that it can go on with the run: the demonstration's is a path within the package. */
function modelPath({ name }: LanguageModel): string {
  return name === 'demo' ? 'models/demo' : name;
}
