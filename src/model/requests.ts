import { UserError } from '../gpu/errors.ts';
import type { GenerationRequest, SampleKey, Sampling } from './generate.ts';
import type { Model } from './model.ts';

/**
 * New tokens that each request may take before the context ends.
 * @throws UserError for a request that cannot be answered, by its number
 */
export function capsOf(model: Model, requests: readonly GenerationRequest[]): number[] {
  return requests.map(({ prompt, maxNewTokens, completions }, request) => {
    const context = model.maxPositions;
    const name = `prompt ${request + 1}`;
    if (prompt.length === 0) throw new UserError(`${name} is empty: it must hold at least one token`);
    const { vocab_size } = model.config;
    const odd = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= vocab_size);
    if (odd !== undefined)
      throw new UserError(`${name} holds ${odd}: token ids are whole numbers from 0 to ${vocab_size - 1}.`);
    for (const { sampling, key } of completions) checkSampling(sampling, key, name);
    if (!(Number.isInteger(maxNewTokens) && maxNewTokens >= 1))
      throw new UserError(`${name} asks for ${maxNewTokens} new tokens: at least 1 is sampled.`);
    if (prompt.length >= context) {
      throw new UserError(
        `${name} is ${prompt.length} tokens long and the context holds ${context}: nothing can be generated. Shorten the prompt.`,
      );
    }
    return Math.min(maxNewTokens, context - prompt.length);
  });
}

/** @throws UserError for settings under which nothing sensible can be sampled */
function checkSampling({ temperature, topK = 0, topP = 1 }: Sampling, key: SampleKey, name: string): void {
  const counts = [key.step, key.prompt, key.completion];
  const wrong =
    (!(Number.isFinite(temperature) && temperature >= 0) && `temperature is ${temperature}; a number of at least 0`) ||
    (!(Number.isInteger(topK) && topK >= 0) && `topK is ${topK}; a whole number of at least 0`) ||
    (!(topP > 0 && topP <= 1) && `topP is ${topP}; a number above 0 and up to 1`) ||
    (!counts.every((n) => Number.isInteger(n) && n >= 0) && `its key is ${counts.join(', ')}; whole numbers from 0`);
  if (wrong) throw new UserError(`${name}: ${wrong} is expected.`);
}
