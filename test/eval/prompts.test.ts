import { describe, expect, it } from 'vitest';
import problems from '../../examples/problems.jsonl?raw';
import mawpsPrompt from '../../recipes/mawps-prompt.yaml?raw';
import { parseProblems } from '../../src/eval/data.ts';
import {
  defaultPrompt,
  PRESETS,
  parsePrompt,
  promptFromSetting,
  renderPrompt,
  SYSTEM_LINE,
} from '../../src/eval/prompts.ts';
import type { ChatMessage } from '../../src/model/chat.ts';

const problem = { question: ' How many? ' };

describe('renderPrompt', () => {
  it('asks a model without a chat template in the paper’s plain frame', () => {
    expect(renderPrompt(PRESETS.qa, problem)).toBe('Question: How many?\nAnswer:');
    expect(renderPrompt(defaultPrompt(false), problem)).toBe('User: How many?\nAssistant:');
  });

  it('gives the chat template the system line and the question', () => {
    const seen: ChatMessage[][] = [];
    const text = renderPrompt(defaultPrompt(true), problem, (messages) => {
      seen.push(messages);
      return 'rendered';
    });
    expect(text).toBe('rendered');
    expect(seen).toEqual([
      [
        { role: 'system', content: SYSTEM_LINE },
        { role: 'user', content: 'How many?' },
      ],
    ]);
    expect(() => renderPrompt(defaultPrompt(true), problem)).toThrow('has no chat template');
  });

  it('puts worked examples before the question, one space before each completion and none at the end', () => {
    const spec = parsePrompt(
      'examples:\n  - {question: A?, completion: so 1.}\n  - {question: B?, answer: 2}',
      'p.yaml',
    );
    expect(renderPrompt(spec, problem)).toBe(
      'Question: A?\nAnswer: so 1.\n\nQuestion: B?\nAnswer: 2\n\nQuestion: How many?\nAnswer:',
    );
  });

  it('turns worked examples into earlier turns of a chat', () => {
    const spec = parsePrompt(
      '{"chat": true, "template": "{question}", "examples": [{"question": "A?", "answer": 1}]}',
      'p.json',
    );
    const roles = renderPrompt(spec, problem, (messages) =>
      messages.map((message) => `${message.role}:${message.content}`).join('|'),
    );
    expect(roles).toBe('user:A?|assistant:1|user:How many?');
  });

  it('copies a question as it is, whatever signs it has', () => {
    const spec = promptFromSetting('{question}\nA:');
    expect(spec && renderPrompt(spec, { question: '$& $1 {question} \\n' })).toBe('$& $1 {question} \\n\nA:');
  });
});

describe('promptFromSetting', () => {
  it('knows presets and templates, and leaves file names to the caller', () => {
    expect(promptFromSetting('qa')).toBe(PRESETS.qa);
    expect(promptFromSetting('Q: {question} A:')?.template).toBe('Q: {question} A:');
    expect(promptFromSetting('my-prompt.yaml')).toBeUndefined();
    expect(promptFromSetting('constructor')).toBeUndefined();
  });

  it('refuses a template that ends with a space', () => {
    expect(() => promptFromSetting('Q: {question} A: ')).toThrow('template ends with a space');
  });
});

describe('parsePrompt', () => {
  it.each([
    ['template: "no place"', 'p.yaml: template has no {question} in it'],
    ['templat: "{question}"', 'p.yaml: unknown key templat; did you mean template?'],
    ['examples: [{question: A}]', 'p.yaml: examples.0 has neither completion nor answer'],
    ['examples: [{question: A, anser: 1}]', 'unknown key examples.0.anser; did you mean answer?'],
    ['examples: 3', 'examples is 3; expected in examples: a list of'],
    ['stop: [1]', 'stop.0 is 1; expected in stop: a list of texts.'],
    ['system: hello', 'system is given, but chat is not true'],
    ['just text', 'a prompt file has keys with values'],
    ['a: [', 'this is not YAML'],
    ['', 'a prompt file has keys with values'],
  ])('refuses %j', (text, message) => {
    expect(() => parsePrompt(text, 'p.yaml')).toThrow(message);
  });
});

describe('the shipped examples', () => {
  it('render to a few-shot prompt that ends where the answer begins', () => {
    const spec = parsePrompt(mawpsPrompt, 'mawps-prompt.yaml');
    const prompt = renderPrompt(spec, problem);
    expect(spec.examples).toHaveLength(3);
    expect(spec.stop).toEqual(['\n']);
    expect(prompt.startsWith('Question: A baker has 24 rolls')).toBe(true);
    expect(prompt.endsWith('The answer is 31.\n\nQuestion: How many?\nAnswer:')).toBe(true);
  });

  it('load as problems', () => {
    const rows = parseProblems(problems, 'problems.jsonl');
    expect(rows).toHaveLength(64);
    expect(new Set(rows.map((row) => row.question)).size).toBe(64);
    expect(rows[0]).toMatchObject({ answer: '3' });
  });
});
