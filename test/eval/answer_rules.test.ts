import { describe, expect, it } from 'vitest';
import { ruleWarning, trainingRule } from '../../src/eval/answer_rules.ts';
import { PRESETS, type PromptSpec } from '../../src/eval/prompts.ts';

describe('the rule for answers that a prompt brings along', () => {
  it('is in training the verifier’s way to find what the harness’s rule finds', () => {
    expect(trainingRule(PRESETS.gsm8k)).toBe('hashes');
    expect(trainingRule(PRESETS.math)).toBe('answer_is');
    const plain: PromptSpec = PRESETS.qa;
    expect(trainingRule(plain)).toBeUndefined();
    expect(trainingRule({ answer: ['last_number'] })).toBe('last_number');
  });

  it('finds an answer in every worked example of the presets', () => {
    for (const rule of ['hashes', 'gsm8k_strict', 'gsm8k_flexible'] as const) {
      expect(ruleWarning(PRESETS.gsm8k, rule)).toBeUndefined();
    }
    expect(ruleWarning(PRESETS.math, 'minerva')).toBeUndefined();
    expect(ruleWarning(PRESETS.math, 'answer_is')).toBeUndefined();
    expect(ruleWarning(PRESETS.math, 'boxed')).toBeUndefined();
    expect(ruleWarning(PRESETS.qa, 'boxed')).toBeUndefined();
  });

  it('is named where another one finds nothing in them', () => {
    expect(ruleWarning(PRESETS.gsm8k, 'boxed')).toBe(
      "answer is boxed, and 5 of the prompt's 5 examples hold no such answer: completions like them count as wrong. " +
        "The prompt's own rule is gsm8k_strict, in training hashes.",
    );
    expect(ruleWarning({ examples: [{ question: 'q', completion: '7' }] }, 'boxed')).toContain('1 of the prompt');
  });
});
