import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { tryThem } from '../../src/cli/try_them.ts';

describe('tryThem', () => {
  it.skipIf(process.platform === 'win32')('is read by a shell as the prompt that was asked', () => {
    const text = "Question: It's 5\\2 or $HOME?\n\tAnswer:";
    const line = tryThem('my models/demo', 'runs/own', { text, raw: true }).replace(
      'Try them: npx trimtab',
      "printf '%s|'",
    );
    expect(execFileSync('bash', ['-c', line]).toString().split('|')).toEqual([
      ...['generate', '--model', 'my models/demo', '--raw', '--prompt', text],
      ...['--steering', 'runs/own/steering.safetensors', ''],
    ]);
  });

  it('leaves plain words plain, and long prompts out', () => {
    const line = tryThem('owner/name:Q4_K_M', 'runs/own', { text: 'x '.repeat(300), raw: false });
    expect(line).toBe(
      'Try them: npx trimtab generate --model owner/name:Q4_K_M --prompt TEXT --steering runs/own/steering.safetensors',
    );
  });
});
