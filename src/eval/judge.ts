import { type AnswerKind, grade, sameAnswer } from './answers.ts';
import { closingAnswer, flexibleExtract, sameExactly, strictMatch } from './harness.ts';

/**
 * How a completion's answer is found and compared: by the verifier (`boxed`, `last_number`), or as lm-evaluation-harness does
 * (`gsm8k_strict`, `gsm8k_flexible`; `minerva` takes its closing sentence and the verifier's equivalence).
 */
export const ANSWER_RULES = ['boxed', 'last_number', 'gsm8k_strict', 'gsm8k_flexible', 'minerva'] as const;
export type AnswerRule = (typeof ANSWER_RULES)[number];

export interface Judgement {
  /** The answer as the completion writes it; null where the rule finds none. */
  readonly extracted: string | null;
  readonly correct: boolean;
}

const HARNESS: Partial<Record<AnswerRule, (completion: string) => string | undefined>> = {
  gsm8k_strict: strictMatch,
  gsm8k_flexible: flexibleExtract,
  minerva: closingAnswer,
};

/** Finds the answer of a completion by a rule and compares it with the gold answer. */
export async function judge(completion: string, gold: string, rule: AnswerRule): Promise<Judgement> {
  const extract = HARNESS[rule];
  if (!extract) {
    const { correct, extracted } = grade(completion, gold, rule as AnswerKind);
    return { extracted: extracted?.trim() ? extracted : null, correct };
  }
  const extracted = extract(completion) || null;
  return { extracted, correct: extracted !== null && (await equalAnswers(extracted, gold, rule)) };
}

/** Whether two extracted answers are one: what joins samples to the classes of maj@k. */
export async function equalAnswers(a: string, b: string, rule: AnswerRule): Promise<boolean> {
  return rule.startsWith('gsm8k_') ? sameExactly(a, b) : sameAnswer(a, b);
}
