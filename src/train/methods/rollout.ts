import { type Prompt, requestsFor, stopCondition } from '../../eval/completions.ts';
import { type Completion, type GenerateOptions, generate, type RowKeeper } from '../../model/generate.ts';
import type { Steering } from '../../model/steering.ts';
import type { MethodOptions, StepRun } from './method.ts';

/**
 * `num_generations` completions for each prompt, keyed by step, place of the prompt in the step and completion.
 * @param first place of the first prompt in the step
 * @param steering absent: the model without vectors
 * @param keeper keeps what the gradient reads
 */
export function rollout(
  o: MethodOptions,
  run: StepRun,
  prompts: readonly Prompt[],
  options: {
    first?: number;
    maxNewTokens: number;
    steering?: Steering;
    keeper?: RowKeeper | undefined;
    onCompletion?: GenerateOptions['onCompletion'];
    /** Called with the rows of decoding that tokens were drawn from so far. */
    onRows?: (rows: number) => void;
  },
): Promise<Completion[][]> {
  const { config, lm, signal, onRollout } = o;
  const { first = 0, maxNewTokens, steering, keeper, onCompletion, onRows } = options;
  const shouldStop = stopCondition(lm, o.stop);
  const sampling = { temperature: config.temperature };
  const requests = requestsFor(prompts, maxNewTokens, (prompt) =>
    Array.from({ length: config.num_generations }, (_, completion) => ({
      sampling,
      key: { step: run.step, prompt: first + prompt, completion },
    })),
  );
  const work = () =>
    generate(lm.model, requests, {
      seed: config.seed,
      eosIds: lm.eosIds,
      steering,
      keeper,
      cacheBytes: run.cacheBytes,
      kvCacheDtype: config.kv_cache_dtype,
      signal,
      ...(shouldStop && { shouldStop }),
      ...(onCompletion && { onCompletion }),
      onProgress: (tokens, finished, rows) => {
        onRows?.(rows);
        onRollout?.(tokens, finished, prompts.length * config.num_generations);
      },
    });
  return lm.model.device.phase('rollout', work);
}
