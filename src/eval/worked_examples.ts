import type { PromptExample } from './prompts.ts';

/** Five word problems in the manner of GSM8K's training set: calculations in <<>>, the answer after ####. */
export const GSM8K_EXAMPLES: readonly PromptExample[] = [
  {
    question:
      'A bakery bakes 15 trays of rolls with 12 rolls on each tray. By noon it has sold two thirds of them. How many rolls are left?',
    completion:
      'The bakery bakes 15*12=<<15*12=180>>180 rolls.\nBy noon it has sold 180*2/3=<<180*2/3=120>>120 rolls.\nSo 180-120=<<180-120=60>>60 rolls are left.\n#### 60',
  },
  {
    question:
      'Ines rides her bicycle to work and back, 7 kilometres each way, on 4 days of the week. On Saturday she rides another 25 kilometres. How far does she ride in 3 such weeks?',
    completion:
      'On a working day she rides 7*2=<<7*2=14>>14 kilometres.\nIn 4 days that makes 14*4=<<14*4=56>>56 kilometres.\nWith Saturday she rides 56+25=<<56+25=81>>81 kilometres a week.\nIn 3 weeks that is 81*3=<<81*3=243>>243 kilometres.\n#### 243',
  },
  {
    question:
      'A concert hall sells 240 tickets. A quarter of them are for students at $9 each, and the others cost $16 each. How much money does the hall take in?',
    completion:
      'There are 240/4=<<240/4=60>>60 student tickets.\nThey bring in 60*9=$<<60*9=540>>540.\nThe other tickets are 240-60=<<240-60=180>>180.\nThey bring in 180*16=$<<180*16=2880>>2880.\nTogether that is 540+2880=$<<540+2880=3420>>3420.\n#### 3420',
  },
  {
    question:
      'Oskar is three times as old as his niece. In 6 years the two will be 60 years old together. How old is Oskar now?',
    completion:
      'In 6 years each of the two is 6 years older, so now they are 60-6-6=<<60-6-6=48>>48 years old together.\nThe niece has one part of that and Oskar has 3 parts, which makes 1+3=<<1+3=4>>4 parts.\nOne part is 48/4=<<48/4=12>>12 years.\nOskar is 12*3=<<12*3=36>>36 years old.\n#### 36',
  },
  {
    question:
      'A water tank holds 500 litres and is 40% full. A pump fills in 25 litres a minute, while a tap lets out 5 litres a minute. After how many minutes is the tank full?',
    completion:
      'The tank holds 500*0.4=<<500*0.4=200>>200 litres now.\nIt lacks 500-200=<<500-200=300>>300 litres.\nEvery minute it gains 25-5=<<25-5=20>>20 litres.\nIt is full after 300/20=<<300/20=15>>15 minutes.\n#### 15',
  },
];

const closing = (answer: string) => `\nFinal Answer: The final answer is $${answer}$. I hope it is correct.`;

/** Four problems in the manner of Minerva's prompt for MATH: a worked solution with a box, then the closing sentence. */
export const MATH_EXAMPLES: readonly PromptExample[] = [
  {
    question: 'For which real numbers $x$ is $\\sqrt{3x-12}+\\sqrt{10-x}$ defined? Give your answer as an interval.',
    completion: `Neither radicand may be negative. The first one, $3x-12 \\ge 0$, means $x \\ge 4$; the second one, $10-x \\ge 0$, means $x \\le 10$. Both hold exactly for $x$ in $\\boxed{[4,10]}$.${closing('[4,10]')}`,
  },
  {
    question: 'Let $f(x) = 2x^2 - 7$. If $f(a) = 25$ and $a > 0$, what is $a$?',
    completion: `The condition says $2a^2 - 7 = 25$, so $2a^2 = 32$ and $a^2 = 16$. As $a$ is positive, $a = \\boxed{4}$.${closing('4')}`,
  },
  {
    question: 'A fair coin is thrown five times. What is the probability that it shows heads exactly twice?',
    completion: `Of the $2^5 = 32$ equally likely sequences, those with two heads are as many as there are ways to choose two places of five:\n\\begin{align*}\n\\binom{5}{2} &= \\frac{5 \\cdot 4}{2}\\\\\n&= 10.\n\\end{align*}\nThe probability is $\\frac{10}{32} = \\boxed{\\frac{5}{16}}$.${closing('\\frac{5}{16}')}`,
  },
  {
    question:
      'The line through $(1,5)$ and $(4,-1)$ meets the $x$-axis at $(p,0)$ and the $y$-axis at $(0,q)$. Find $p+q$.',
    completion: `The slope is $\\frac{-1-5}{4-1} = -2$, so the line is $y = 5 - 2(x-1) = 7 - 2x$. At $x = 0$ we get $q = 7$. From $7 - 2p = 0$ we get $p = \\frac{7}{2}$. Therefore $p + q = \\frac{7}{2} + 7 = \\boxed{\\frac{21}{2}}$.${closing('\\frac{21}{2}')}`,
  },
];
