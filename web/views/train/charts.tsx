import { points, signed, significant } from '../../../src/eval/figures.ts';
import { type Point, rewardSeries, type Series, smooth } from '../../../src/eval/svg.ts';
import { isRollout, type MetricsRow, type StepRow } from '../../../src/train/metrics.ts';
import { Chart } from './chart.tsx';
import { base, control, evaluated, rows, run } from './run_state.ts';

/** Layers whose lines have their names at their ends: more do not fit. */
const NAMED_LAYERS = 12;

/** The rows of the run that is shown. The page counts steps from 1: at step n is what has come of n of them. */
function counted(): readonly StepRow[] {
  return rows.value.map((row) => ({ ...row, step: row.step + 1 }));
}

/** Whether it learns what it is rewarded for, and whether that is right. */
export function MainCharts() {
  const all = counted();
  if (all.length === 0) return null;
  const rollouts = all.filter(isRollout);
  return (
    <div class="charts">
      {rollouts.length > 0 ? (
        <Reward rollouts={rollouts} />
      ) : (
        <Chart
          class="wide"
          title="Loss"
          note="of each step, before its update"
          format={significant}
          height={250}
          series={[line('loss', all, (row) => row.loss)]}
        />
      )}
      {(evaluated.value.length > 0 || base.value) && <Accuracies />}
    </div>
  );
}

/** How it learns, and how fast. */
export function MoreCharts() {
  const all = counted();
  if (all.length === 0) return null;
  const rollouts = all.filter(isRollout);
  return (
    <div class="charts">
      <Chart
        title="Length"
        note="tokens an answer, mean of each step"
        format={(tokens) => String(Math.round(tokens))}
        include={[0]}
        series={[line('tokens', all, lengthOf)]}
      />
      {rollouts.length > 0 && (
        <Chart
          title="Entropy"
          note="how open the next token was, in nats; 0 is certain"
          format={significant}
          include={[0]}
          series={[line('entropy', rollouts, (row) => row.entropy)]}
        />
      )}
      <Chart
        title="Gradient"
        note="its length over all vectors, before it is clipped"
        format={significant}
        include={[0]}
        series={[line('norm', all, (row) => row.grad_norm)]}
      />
      <Norms all={all} />
      {rollouts.length > 0 && (
        <Chart
          title="Speed"
          note="sampled tokens a second"
          format={(value) => Math.round(value).toLocaleString('en')}
          include={[0]}
          series={[line('tokens a second', rollouts, (row) => row.tokens_per_second)]}
        />
      )}
      <Chart
        title="Time"
        note="seconds of each step"
        format={significant}
        include={[0]}
        series={[
          { ...line('rollout', all, (row) => row.rollout_time), tone: 'many', shade: 0 },
          { ...line('training', all, (row) => row.train_time), tone: 'many', shade: 1 },
        ]}
      />
    </div>
  );
}

function Reward({ rollouts }: { rollouts: readonly MetricsRow[] }) {
  return (
    <Chart
      class="wide"
      title="Reward"
      note="mean of each step, its moving average, and what it is held against"
      format={signed}
      include={[-1, 1]}
      height={250}
      series={[...rewardSeries(rollouts), ...heldAgainst(rollouts)]}
    />
  );
}

/** The kept run that was chosen, or what the model earns without vectors, where right answers are what is rewarded. */
function heldAgainst(rollouts: readonly MetricsRow[]): Series[] {
  const others = control.value?.rows.filter(isRollout) ?? [];
  if (control.value && others.length > 0) {
    const window = Math.max(3, Math.round(others.length / 8));
    const rewards = others.map((row) => row.reward);
    const smoothed = smooth(rewards, window);
    const course = others.map((row, i): Point => [row.step + 1, smoothed[i] as number]);
    return [{ label: control.value.name, tone: 'control', points: course, dashed: true }];
  }
  const untouched = run.value?.config.reward === 'correct' ? base.value?.sampled.accuracy : undefined;
  if (untouched === undefined) return [];
  const course = rollouts.map(({ step }): Point => [step, 2 * untouched - 1]);
  return [{ label: 'without vectors', tone: 'control', points: course, dashed: true }];
}

function Accuracies() {
  const before = base.value;
  const all = [...(before ? [{ step: 0, pair: before }] : []), ...evaluated.value];
  const of = (mode: 'greedy' | 'sampled', shade: number): Series => ({
    label: mode,
    tone: 'many',
    shade,
    points: all.map(({ step, pair }): Point => [step, pair[mode].accuracy]),
    bars: all.map(({ pair }) => [pair[mode].lo, pair[mode].hi] as const),
  });
  return (
    <Chart
      class="wide"
      title="Accuracy"
      note="of the held-out problems, with 95 % intervals"
      format={share}
      include={[0, 1]}
      height={250}
      series={[of('sampled', 0), of('greedy', 1)]}
    />
  );
}

function Norms({ all }: { all: readonly StepRow[] }) {
  const layers = all.at(-1)?.steering_norms?.length ?? 0;
  if (layers === 0) return null;
  const series = Array.from(
    { length: layers },
    (_, layer): Series => ({
      ...line(`layer ${layer}`, all, (row) => row.steering_norms?.[layer] ?? Number.NaN),
      label: layers > NAMED_LAYERS ? `layer ${layer}` : `L${layer}`,
      tone: 'many',
      shade: layers > 1 ? layer / (layers - 1) : 1,
    }),
  );
  return (
    <Chart
      title="Vectors"
      note={`length of each layer's vector, ${layers > NAMED_LAYERS ? 'from low (blue) to high (red)' : 'by layer'}`}
      format={significant}
      include={[0]}
      endLabels={layers <= NAMED_LAYERS}
      series={series}
    />
  );
}

function line<Row extends StepRow>(label: string, all: readonly Row[], value: (row: Row) => number): Series {
  return { label, tone: 'main', points: all.map((row): Point => [row.step, value(row)]) };
}

/** In percent, with a decimal only where there is one. */
function share(value: number): string {
  return `${Number(points(value))} %`;
}

function lengthOf(row: StepRow): number {
  return 'completions/mean_length' in row ? row['completions/mean_length'] : Number.NaN;
}
