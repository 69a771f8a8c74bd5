import { ANSWER_KINDS, type AnswerKind, extractAnswer } from './grade/extract.ts';
import { answerClasses, grade, sameAnswer } from './grade/grade.ts';
import { bareText, closingAnswer, flexibleExtract, strictMatch } from './harness.ts';

/**
 * How a completion's answer is found and compared: by the verifier, or as lm-evaluation-harness does (`gsm8k_strict`,
 * `gsm8k_flexible`; `minerva` takes its closing sentence and the verifier's equivalence).
 */
export type AnswerRule = AnswerKind | 'gsm8k_strict' | 'gsm8k_flexible' | 'minerva';

export const ANSWER_RULES: readonly AnswerRule[] = [...ANSWER_KINDS, 'gsm8k_strict', 'gsm8k_flexible', 'minerva'];

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

function comparesText(rule: AnswerRule): boolean {
  return rule === 'gsm8k_strict' || rule === 'gsm8k_flexible';
}

/** The answer of a completion by a rule, without the verifier's bounds on time: for texts that are not a model's. */
export function answerIn(completion: string, rule: AnswerRule): string | undefined {
  const extract = HARNESS[rule];
  return extract ? extract(completion) : extractAnswer(completion, rule as AnswerKind);
}

/** Finds the answer of a completion by a rule and compares it with the gold answer. */
export async function judge(completion: string, gold: string, rule: AnswerRule): Promise<Judgement> {
  const extract = HARNESS[rule];
  if (!extract) {
    const { correct, extracted } = await grade(completion, gold, rule as AnswerKind);
    return { extracted: extracted?.trim() ? extracted : null, correct };
  }
  const extracted = extract(completion) || null;
  if (extracted === null) return { extracted, correct: false };
  const correct = comparesText(rule)
    ? bareText(extracted) === bareText(gold)
    : (await sameAnswer(extracted, gold)).same;
  return { extracted, correct };
}

/**
 * Sorts the answers of one problem's samples into classes of equal ones, for the votes of maj@k.
 * @returns for each the place of the first answer that equals it, null for no answer
 */
export async function votesOf(answers: readonly (string | null)[], rule: AnswerRule): Promise<(number | null)[]> {
  const classes = comparesText(rule)
    ? answers.map((answer) => answer && bareText(answer))
    : (await answerClasses(answers.map((answer) => answer ?? undefined))).map((one) => (one < 0 ? null : one));
  return classes.map((one) => (one === null ? null : (classes as unknown[]).indexOf(one)));
}
