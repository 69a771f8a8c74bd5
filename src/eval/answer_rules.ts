import type { AnswerKind } from './grade/extract.ts';
import { type AnswerRule, answerIn } from './judge.ts';
import type { PromptSpec } from './prompts.ts';

/** What training takes for a rule of an evaluation: the verifier's own way to find the same answer. */
const IN_TRAINING: Readonly<Record<AnswerRule, AnswerKind>> = {
  boxed: 'boxed',
  last_number: 'last_number',
  answer_is: 'answer_is',
  hashes: 'hashes',
  gsm8k_strict: 'hashes',
  gsm8k_flexible: 'last_number',
  minerva: 'answer_is',
};

/** The rule by which training reads the answers that a prompt asks for; undefined where the prompt names none. */
export function trainingRule({ answer: [first] = [] }: Pick<PromptSpec, 'answer'>): AnswerKind | undefined {
  return first && IN_TRAINING[first];
}

/** What is wrong with a rule that finds no answer in a prompt's own worked examples: the model is shown another way to answer. */
export function ruleWarning(spec: Pick<PromptSpec, 'answer' | 'examples'>, rule: AnswerRule): string | undefined {
  const missed = spec.examples.filter(({ completion }) => (answerIn(completion, rule) ?? '') === '').length;
  if (missed === 0) return undefined;
  const own = [spec.answer?.[0], trainingRule(spec)].filter((one) => one !== undefined);
  return (
    `answer is ${rule}, and ${missed} of the prompt's ${spec.examples.length} examples hold no such answer: completions like them ` +
    `count as wrong.${own.length > 0 && !own.includes(rule) ? ` The prompt's own rule is ${[...new Set(own)].join(', in training ')}.` : ' Choose the rule that finds theirs (--answer).'}`
  );
}
