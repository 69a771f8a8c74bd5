/** GPT-2's pattern, which `ByteLevel` has built in. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

interface Step {
  readonly type?: string;
  readonly use_regex?: boolean;
  readonly pretokenizers?: readonly Step[];
}

/**
 * The contents of a tokenizer.json in the words of the library `@huggingface/tokenizers`, such that it makes the ids of the
 * Python package `tokenizers`: keys that files may leave out, and GPT-2's pattern spelt out, since the library's built-in one
 * takes JavaScript's white space (U+FEFF, not U+0085) for Unicode's.
 */
export function forLibrary(json: object): object {
  const optional = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
  const whole = { ...optional, ...json };
  return { ...whole, pre_tokenizer: whole.pre_tokenizer && spellOut(whole.pre_tokenizer) };
}

function spellOut(step: Step): object {
  if (step.type === 'Sequence') return { ...step, pretokenizers: (step.pretokenizers ?? []).map(spellOut) };
  if (step.type !== 'ByteLevel' || step.use_regex === false) return step;
  const split = { type: 'Split', pattern: { Regex: GPT2 }, behavior: 'Isolated', invert: false };
  return { type: 'Sequence', pretokenizers: [split, { ...step, use_regex: false }] };
}
