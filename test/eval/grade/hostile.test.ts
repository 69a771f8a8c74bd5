import { describe, expect, it } from 'vitest';
import { extractAny } from '../../../src/eval/grade/extract.ts';
import { grade, sameAnswer } from '../../../src/eval/grade/grade.ts';

/** Every one ends, in milliseconds on any machine; the runner's own limit of two minutes is what fails them. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a tower of powers': '10^{10^{10}}',
  'a tower without braces': '10^10^10^10',
  'a tall tower': `${'2^{'.repeat(300)}2${'}'.repeat(300)}`,
  'a long tower of variables': `${'x^'.repeat(1900)}2`,
  'a huge power of a huge number': `${'9'.repeat(900)}^{${'9'.repeat(900)}}`,
  'factorials of factorials': `9${'!'.repeat(3900)}`,
  'a factorial of a billion': '(10^9)!',
  'a binomial of billions': '\\binom{10^{12}}{10^{11}}',
  'an expansion that explodes': `${'('.repeat(30)}x+y${')^{1000}+1'.repeat(30)}`,
  'a product of sums': '(a+b+c+d+e+f)^{50}'.repeat(150),
  'a sum of fractions': Array.from({ length: 180 }, (_, i) => `\\frac{1}{7^{300}+${i}}`).join('+'),
  'nested fractions': `${'\\frac{1}{1+'.repeat(250)}1${'}'.repeat(250)}`,
  'nested roots': `${'\\sqrt{2+'.repeat(300)}2${'}'.repeat(300)}`,
  'open braces': '{'.repeat(3999),
  'open brackets': '('.repeat(3999),
  'closed brackets': `${'('.repeat(1900)}1${')'.repeat(1900)}`,
  'roots of roots': `${'\\sqrt'.repeat(750)}2`,
  'functions of functions': `${'\\sin '.repeat(700)}x`,
  'minus signs': `${'-'.repeat(3900)}1`,
  'plus-minus signs': '1\\pm 2'.repeat(500),
  'relations without end': 'x<'.repeat(1900),
  'a list of many': '1,'.repeat(1999),
  'lists in lists': `${'\\{1,2,'.repeat(300)}3${'\\}'.repeat(300)}`,
  'many sets of many': '\\{1,2,3\\},'.repeat(300),
  'a union of many': '(1,2)\\cup'.repeat(400),
  'a large matrix': `\\begin{pmatrix}${'1&2&3\\\\'.repeat(450)}\\end{pmatrix}`,
  'matrices that never end': '\\begin{pmatrix}'.repeat(250),
  'texts that never end': '\\text{'.repeat(600),
  'dollar signs': '$'.repeat(3999),
  'spaces and commas': ' ,'.repeat(1999),
  'groups of three digits': '111 '.repeat(999),
  'digits and separators': '1,234'.repeat(700),
  'a hundred thousand digits': '7'.repeat(100_000),
  'control characters': Array.from({ length: 200 }, (_, i) => String.fromCharCode(i)).join(''),
  'half of an emoji': '\ud83d',
  'every bracket': '([{|<)]}|>'.repeat(300),
  backslashes: '\\'.repeat(3999),
};

describe('hostile answers', () => {
  it.each(Object.entries(HOSTILE))('%s', async (_, answer) => {
    expect((await sameAnswer(answer, '12345')).same).toBe(false);
    expect((await sameAnswer('12345', answer)).same).toBe(false);
    expect((await sameAnswer(answer, `${answer.slice(0, -1)}7`)).why).not.toContain('no verdict within');
    expect((await sameAnswer(answer, answer, { textShortcut: false })).why).not.toContain('no verdict within');
    expect((await grade(`\\boxed{${answer}}`, '12345', 'any')).correct).toBe(false);
  });

  it.each(['$', '\\(', '\\[', '\\boxed{', '#### ', 'the answer is ', 'answer: $', '1,', '\\frac{', '{'])(
    'is done with a long text of %j',
    (unit) => {
      extractAny(unit.repeat(100_000));
    },
  );
});
