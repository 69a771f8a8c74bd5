import type { ProfileReport } from '../kernels/profile_report.ts';
import { duration, percent, points, signed, significant } from './figures.ts';
import { card, htmlPage, tokenChip } from './page.ts';
import { profileCard } from './profile_card.ts';
import type { AccuracyPair } from './stats.ts';
import {
  escapeText,
  type IntervalBar,
  intervalBars,
  lineChart,
  type Point,
  rewardSeries,
  type Series,
  shadeColour,
} from './svg.ts';

/** What the report reads of a row of metrics.jsonl. */
interface ReportStep {
  readonly step: number;
  readonly loss?: number;
  readonly grad_norm: number;
  /** These where the method has them. */
  readonly reward?: number;
  readonly 'completions/mean_length'?: number;
  readonly entropy?: number;
  /** Norm of every layer's vector after the step. */
  readonly steering_norms?: readonly number[] | undefined;
}

interface ReportAnswer {
  readonly text: string;
  readonly correct: boolean;
}

/** Everything in report.html. Optional parts leave their section out. */
export interface ReportData {
  readonly model: string;
  readonly adapter: string;
  /** `none` where the method knows no rewards. */
  readonly reward: string;
  /** How the vectors were trained; reinforcement learning where it is not said. */
  readonly method?: 'rl' | 'sft' | 'dpo' | 'upft' | undefined;
  readonly seed: number;
  /** Of the whole run. */
  readonly seconds: number;
  /** Trained vectors, and numbers in each. */
  readonly vectors: number;
  readonly vectorSize: number;
  readonly base?: Partial<AccuracyPair> | undefined;
  readonly steered?: Partial<AccuracyPair> | undefined;
  /** Without vectors, asked with another prompt. */
  readonly prompted?: Partial<AccuracyPair> | undefined;
  /** Runs with the same problems and another reward, to hold the result against. */
  readonly controls?: readonly { readonly name: string; readonly steered: Partial<AccuracyPair> }[] | undefined;
  readonly steps: readonly ReportStep[];
  /** Norm of each vector and its closest tokens, nearest first. */
  readonly lens: readonly {
    readonly layer: number;
    readonly norm: number;
    readonly top: readonly { readonly token: string; readonly score: number }[];
  }[];
  readonly examples: readonly {
    readonly question: string;
    readonly answer: string;
    readonly before: ReportAnswer;
    readonly after: ReportAnswer;
  }[];
  readonly timing: readonly { readonly label: string; readonly seconds: number }[];
  readonly config: Readonly<Record<string, unknown>>;
  /** Where some steps were profiled. */
  readonly profile?: ProfileReport | undefined;
}

const TOKENS_SHOWN = 10;

function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** The accuracies that the page leads with, and whether their 95 % intervals lie apart; undefined where one was not measured. */
function leading(data: ReportData) {
  const kind = data.base?.greedy && data.steered?.greedy ? 'greedy' : 'sampled';
  const [before, after] = [data.base?.[kind], data.steered?.[kind]];
  if (!before || !after) return undefined;
  const verdict = after.lo > before.hi ? 'better' : after.hi < before.lo ? 'worse' : 'open';
  return { kind, before, after, verdict };
}

function headline(data: ReportData): string {
  const lead = leading(data);
  if (!lead) return `Steering ${data.model}`;
  if (lead.verdict === 'open') return 'No difference that these problems can show';
  return `The vectors made the model ${lead.verdict} at these problems`;
}

function lede(data: ReportData): string {
  const { vectors, vectorSize, steps } = data;
  const reward = { correct: 'a reward for correct answers', random: 'a random reward', format: 'a reward for any box' }[
    data.reward
  ];
  const learning = {
    rl: `reinforcement learning with ${reward ?? `the reward ${data.reward}`}`,
    sft: 'supervised fine-tuning on worked solutions',
    dpo: 'direct preference optimisation on pairs',
    upft: "fine-tuning on the first tokens of the model's own samples",
  }[data.method ?? 'rl'];
  return (
    `${data.model} stayed frozen. ${count(vectors * vectorSize)} numbers were trained, one vector of ${count(vectorSize)} ` +
    `after each of ${vectors} layers, in ${count(steps.length)} ${steps.length === 1 ? 'step' : 'steps'} of ${learning}.`
  );
}

function accuracyCard(data: ReportData): string {
  const groups = (['greedy', 'sampled'] as const).flatMap((kind) => {
    const rows: readonly [string, IntervalBar['kind'], Partial<AccuracyPair> | undefined][] = [
      ['before', 'before', data.base],
      ['prompted', 'control', data.prompted],
      ...(data.controls ?? []).map(
        (control) => [control.name, 'control', control.steered] as [string, 'control', Partial<AccuracyPair>],
      ),
      ['after', 'after', data.steered],
    ];
    const bars = rows.flatMap(([label, bar, pair]) => (pair?.[kind] ? [{ label, kind: bar, ...pair[kind] }] : []));
    const name = kind === 'greedy' ? 'Greedy' : `Sampled at temperature ${data.config.temperature ?? 1}`;
    return bars.length > 0 ? [{ name, bars }] : [];
  });
  if (groups.length === 0) return '';
  const lead = leading(data);
  const jump = lead
    ? `<div class="jump ${lead.verdict}">${lead.kind === 'greedy' ? 'Greedy' : 'Sampled'} accuracy, from <em>${percent(lead.before.accuracy)}</em> to<b>${points(lead.after.accuracy)}<small>%</small></b>on ${count(lead.after.n)} held-out problems</div>`
    : '<div></div>';
  const test =
    lead?.verdict === 'open'
      ? '<p class="note">The test is whether the 95 % intervals before and after lie apart, and they overlap. Use more problems: a larger --eval-size or --eval-split, or a longer --eval-data.</p>'
      : '';
  return `<section class="card"><div class="hero">${jump}<div class="wide">${intervalBars(groups, 640, 'Accuracy before and after with 95 % intervals')}</div></div>${test}${controlNote(data)}</section>`;
}

function controlNote(data: ReportData): string {
  const prompted = data.prompted ? ' “prompted” is the model without vectors, asked with baseline_prompt.' : '';
  if (data.reward === 'none') return prompted ? `<p class="note">${prompted.trim()}</p>` : '';
  if (data.reward === 'random' || data.reward === 'format') {
    return `<p class="note">This run is a control: its reward (${data.reward}) does not know whether an answer is right. A gain here is no evidence of learning.${prompted}</p>`;
  }
  if (data.controls?.length)
    return `<p class="note">The dashed bars are controls: the same training with a reward that does not know whether an answer is right.${prompted}</p>`;
  return `<p class="note">No control is shown. Random rewards have raised some models nearly as much as correct ones: train once more with --reward random before you trust a gain.${prompted}</p>`;
}

/** Rewards of the steps, or their losses where the method knows no rewards. */
function rewardCard({ steps: all, reward }: ReportData): string {
  if (all.length === 0) return '';
  const steps = all.flatMap((row) => (row.reward === undefined ? [] : [{ step: row.step, reward: row.reward }]));
  if (steps.length === 0) {
    const points = all.map((row): Point => [row.step, row.loss ?? Number.NaN]);
    const losses = lineChart([{ label: 'loss', tone: 'main', points }], {
      width: 1028,
      height: 300,
      title: 'Loss of a step',
      format: significant,
    });
    return card('Loss', 'Of each step, before its update.', `<div class="wide">${losses}</div>`);
  }
  const bounds = ['correct', 'random', 'format'].includes(reward) ? [-1, 1] : [];
  const chart = lineChart(rewardSeries(steps), {
    width: 1028,
    height: 300,
    title: 'Mean reward of a step',
    format: signed,
    include: bounds,
  });
  return card(
    'Reward',
    'Mean reward of the completions of each step, and its moving average.',
    `<div class="wide">${chart}</div><div class="legend"><span><i class="thin"></i>each step</span><span><i></i>moving average</span></div>`,
  );
}

function smallCharts({ steps }: ReportData): string {
  if (steps.length === 0) return '';
  const figures: readonly [string, string, (row: ReportStep) => number | undefined][] = [
    ['Length', 'tokens a completion', (row) => row['completions/mean_length']],
    ['Gradient norm', 'before the clip', (row) => row.grad_norm],
    ['Entropy', 'nats a token', (row) => row.entropy],
  ];
  const cards = figures.map(([name, unit, value]) => {
    const points = steps.flatMap((row): Point[] => {
      const y = value(row);
      return y === undefined ? [] : [[row.step, y]];
    });
    if (points.length === 0) return '';
    const chart = lineChart([{ label: name, tone: 'main', points }], {
      width: 300,
      height: 170,
      title: name,
      format: significant,
      include: [0],
    });
    return `<section class="card"><h3>${name} <span>${unit}</span></h3>${chart}</section>`;
  });
  return `<div class="three">${cards.join('')}</div>`;
}

function normHistory({ steps, lens }: ReportData): string {
  const rows = steps.filter((row) => row.steering_norms !== undefined);
  const vectors = rows[0]?.steering_norms?.length ?? 0;
  if (rows.length < 2) return '';
  const series = Array.from({ length: vectors }, (_, i): Series => {
    const layer = lens[i]?.layer ?? i;
    const points = rows.map((row): Point => [row.step, row.steering_norms?.[i] ?? Number.NaN]);
    return { label: `layer ${layer}`, tone: 'many', shade: vectors > 1 ? i / (vectors - 1) : 1, points };
  });
  const chart = lineChart(series, {
    width: 1028,
    height: 240,
    title: 'Norm of each vector',
    format: significant,
    include: [0],
    endLabels: vectors <= 16,
  });
  return `<div class="wide">${chart}</div>`;
}

function vectorCard(data: ReportData): string {
  const { lens } = data;
  if (lens.length === 0) return '';
  const longest = Math.max(...lens.map((row) => row.norm), Number.MIN_VALUE);
  const best = Math.max(0, ...lens.flatMap((row) => row.top.map((token) => token.score)));
  const rows = lens.map((row, i) => {
    const width = Math.round((row.norm / longest) * 100);
    const colour = shadeColour(lens.length > 1 ? i / (lens.length - 1) : 1);
    const tokens = row.top.slice(0, TOKENS_SHOWN).map((token) => tokenChip(token, best));
    return `<tr><td>${row.layer}</td><td class="norm"><i style="width:${width}px;background:${colour}"></i>${significant(row.norm)}</td><td>${tokens.join('')}</td></tr>`;
  });
  return card(
    'The vectors, layer by layer',
    'Norm of each vector while it was trained, and the tokens whose unembedding it points at most (logit lens, no final norm). The stronger its colour, the larger its dot product.',
    `${normHistory(data)}<div class="lens"><table><thead><tr><th>layer</th><th>norm</th><th>nearest tokens</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`,
  );
}

/** Escaped text with its boxes marked. */
function answerText(text: string): string {
  return escapeText(text.trim()).replace(/\\boxed\{[^{}]{0,200}\}/g, (box) => `<mark>${box}</mark>`);
}

function said(title: string, { text, correct }: ReportAnswer): string {
  const verdict = correct ? '✓ right' : '✗ wrong';
  return `<div class="said ${correct ? 'right' : 'wrong'}"><h4>${title}<b>${verdict}</b></h4><pre>${answerText(text)}</pre></div>`;
}

function exampleCard({ examples }: ReportData): string {
  if (examples.length === 0) return '';
  const problems = examples.map(
    ({ question, answer, before, after }) =>
      `<div class="problem"><p>${escapeText(question)} <span>Answer: ${escapeText(answer)}</span></p><div class="pair">${said('Before', before)}${said('After', after)}</div></div>`,
  );
  return card(
    'The same problems, before and after',
    'Greedy answers of the frozen model without and with its vectors.',
    problems.join(''),
  );
}

function timeCard({ timing, seconds, adapter }: ReportData): string {
  const parts = timing.filter((part) => part.seconds > 0);
  if (parts.length === 0) return '';
  const total = parts.reduce((sum, part) => sum + part.seconds, 0);
  const colour = (i: number) => shadeColour(parts.length > 1 ? 1 - i / (parts.length - 1) : 1);
  const bars = parts.map(
    (part, i) => `<i style="flex:${(part.seconds / total).toFixed(4)};background:${colour(i)}"></i>`,
  );
  const texts = parts.map(
    (part, i) =>
      `<span><i style="background:${colour(i)}"></i>${escapeText(part.label)} <b>${duration(part.seconds)}</b></span>`,
  );
  return card(
    'Time',
    `${duration(seconds)} in all on ${adapter}.`,
    `<div class="stack">${bars.join('')}</div><div class="times">${texts.join('')}</div>`,
  );
}

function configCard({ config, adapter, seed }: ReportData): string {
  const shown = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  const fields = Object.entries({ adapter, seed, ...config }).filter(([, value]) => value !== undefined);
  const rows = fields.map(
    ([name, value]) => `<div><dt>${escapeText(name)}</dt><dd>${escapeText(shown(value))}</dd></div>`,
  );
  return card(
    'Configuration',
    'What the run was started with, defaults included.',
    `<dl class="fields">${rows.join('')}</dl>`,
  );
}

/** The report as one self-contained page; all texts of the run are escaped. */
export function renderReport(data: ReportData): string {
  return htmlPage({
    title: data.model,
    masthead: `${data.model} · reward ${data.reward} · seed ${data.seed} · ${duration(data.seconds)}`,
    heading: headline(data),
    lede: lede(data),
    body:
      accuracyCard(data) +
      rewardCard(data) +
      smallCharts(data) +
      vectorCard(data) +
      exampleCard(data) +
      timeCard(data) +
      profileCard(data.profile) +
      configCard(data) +
      '<footer>Intervals are 95 % (Wilson). metrics.jsonl and completions.jsonl beside this file hold the numbers.</footer>',
  });
}
