import { describe, expect, it } from 'vitest';
import { interrupted } from '../../../src/eval/grade/limit.node.ts';

describe('the limit of time', () => {
  it('ends a loop without an end, and what comes next runs', () => {
    const forever = () => {
      for (;;);
    };
    expect(interrupted(forever, 50)).toBeUndefined();
    expect(interrupted(() => 7, 50_000)).toBe(7);
  });

  it('ends a regular expression that backtracks for ages', () => {
    expect(interrupted(() => /^(a+)+$/.test(`${'a'.repeat(60)}b`), 50)).toBeUndefined();
  });

  it('passes an error on', () => {
    const fail = () => {
      throw new RangeError('own');
    };
    expect(() => interrupted(fail, 50_000)).toThrow('own');
  });
});
