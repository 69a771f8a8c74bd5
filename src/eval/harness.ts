/**
 * How lm-evaluation-harness 0.4.13 reads and compares answers: task gsm8k (version 3.0) by its two filters, and minerva_math
 * (version 3.1) by its closing sentence. Completions end at the task's stop texts before they come here.
 */

const STRICT = /#### (-?[0-9.,]+)/;
const FLEXIBLE = /(-?[$0-9.,]{2,})|(-?[0-9]+)/g;
const CLOSING = /Final Answer: The final answer is(.*?). I hope it is correct./;

/** `strict-match`: what stands after the first `#### `. */
export function strictMatch(completion: string): string | undefined {
  return STRICT.exec(completion)?.[1];
}

/** `flexible-extract`: the last run of digits, dots, commas and dollar signs. */
export function flexibleExtract(completion: string): string | undefined {
  return completion.match(FLEXIBLE)?.at(-1);
}

/** An answer as gsm8k's `exact_match` compares it: as text, without commas, dollar signs and one closing dot. */
export function bareText(answer: string): string {
  return answer.replace(/,|\$/g, '').replace(/\.$/, '').trim().toLowerCase();
}

/** What the first closing sentence (`Final Answer: The final answer is $4$. I hope it is correct.`) names. */
export function closingAnswer(completion: string): string | undefined {
  return CLOSING.exec(`${completion}I hope it is correct.`)?.[1]?.trim();
}
