import { useSignalEffect } from '@preact/signals';
import { percent } from '../../../src/eval/figures.ts';
import { gpu, model } from '../../app/engine.ts';
import { MainCharts, MoreCharts } from './charts.tsx';
import { DataSettings, takeDefaults } from './data_choice.tsx';
import { KeptRuns, Unfinished } from './kept_runs.tsx';
import { PlanView, plan, refused, request } from './plan.tsx';
import { checked } from './recipe.ts';
import { AccuracyBars, Answers, Examples, Lens, Said, verdict } from './results.tsx';
import { RunCard } from './run_card.tsx';
import { answered, base, evaluated, listRuns, phase, prompted, result, run, startRun, steered } from './run_state.ts';
import { Settings } from './settings.tsx';
import './train.css';
import './results.css';
import './settings.css';

/** The model whose suggestions stand in the form. */
let suggestedBy: string | undefined;

/** Reinforcement learning, live: settings at the left, what comes of them at the right. */
export function TrainView() {
  useSignalEffect(() => {
    const identity = model.value?.identity;
    if (identity === undefined || identity === suggestedBy) return;
    const isFirst = suggestedBy === undefined;
    suggestedBy = identity;
    void takeDefaults(isFirst);
  });
  useSignalEffect(() => {
    if (gpu.value.state !== 'waiting') void listRuns();
  });
  const isNew = phase.value === 'none';
  return (
    <div class="train-view">
      {isNew && <Intro />}
      <div class={isNew ? 'columns' : ''}>
        {isNew && <Form />}
        <div class="results">
          <RunCard />
          {isNew && <Unfinished />}
          {isNew && (model.value?.name ?? 'demo') === 'demo' && <Habits />}
          <RightAnswers />
          <MainCharts />
          {answered.value.length > 0 && (
            <section class="card answers" aria-labelledby="answers-title">
              <h2 id="answers-title">What it writes</h2>
              <p class="sub">the first problem of each step, newest on top; at the right reward and advantage</p>
              <Answers steps={answered.value} />
            </section>
          )}
          <MoreCharts />
          <Read />
          <KeptRuns />
        </div>
      </div>
    </div>
  );
}

function Intro() {
  const { layers = 6, hiddenSize = 128 } = model.value ?? {};
  return (
    <div class="intro">
      <h1>Teach a frozen model to think before it answers</h1>
      <p class="lede">
        A small language model can solve word problems step by step, but mostly it guesses. Its weights stay as they
        are. Only <b>{(layers * hiddenSize).toLocaleString('en')} numbers</b> are trained, one vector after each layer,
        by reinforcement learning, here in this tab. Nothing leaves your computer.
      </p>
    </div>
  );
}

function Form() {
  const canStart = model.value !== undefined && plan.value !== undefined && !checked.value.problem;
  const start = async (event: Event) => {
    event.preventDefault();
    if (!canStart) return;
    // Runs are worth keeping when the disk gets full.
    await navigator.storage?.persist?.();
    await startRun(request());
  };
  return (
    <form class="card settings" aria-label="Settings of a run" onSubmit={(event) => void start(event)}>
      <Settings refused={refused.value} />
      <DataSettings />
      <PlanView />
      <button id="start" class="primary" type="submit" disabled={!canStart}>
        Start
      </button>
    </form>
  );
}

/** Before a run: what the demonstration model does, and what it could. */
function Habits() {
  return (
    <section class="card" aria-labelledby="habits-title">
      <h2 id="habits-title">Two of its habits</h2>
      <p class="sub">
        what it writes most often, and what it writes now and then: a reward for right answers should make it choose the
        second
      </p>
      <article>
        <p class="question">Mia has 5 beads. Hugo has 10 more beads than Mia. How many beads do they have together?</p>
        <div class="pair">
          <Said when="most often" text={'\\boxed{22}.'} correct={false} />
          <Said
            when="now and then"
            text={'Step by step: Hugo has 5 + 10 = 15. Together they have 5 + 15 = 20. The answer is \\boxed{20}.'}
            correct
          />
        </div>
      </article>
    </section>
  );
}

function RightAnswers() {
  const before = base.value;
  const latest = evaluated.value.at(-1);
  const after = steered.value ?? latest?.pair;
  if (!before) return null;
  const isControl = run.value?.config.reward !== 'correct';
  return (
    <section class="card" aria-labelledby="accuracy-title">
      <h2 id="accuracy-title">Right answers</h2>
      <div class="hero">
        <p id="jump" class="jump">
          {after ? (
            <>
              Greedy, from <em>{percent(before.greedy.accuracy)}</em> to
              <b class="after">{percent(after.greedy.accuracy)}</b>
            </>
          ) : (
            <>
              Greedy, before training
              <b class="before">{percent(before.greedy.accuracy)}</b>
            </>
          )}
          {!steered.value && latest && <small>after {latest.step} steps</small>}
        </p>
        <AccuracyBars before={before} after={after} prompted={prompted.value} />
      </div>
      {steered.value && (
        <p id="verdict" class="note">
          {verdict(before.greedy, steered.value.greedy)}
          {isControl && ' This was a control: its reward knows nothing of right or wrong.'}
        </p>
      )}
    </section>
  );
}

/** What can be read once the run is over. */
function Read() {
  const { lens = [], examples = [] } = result.value ?? {};
  return (
    <>
      {lens.length > 0 && (
        <section class="card" aria-labelledby="lens-title">
          <h2 id="lens-title">What the vectors say</h2>
          <p class="sub">tokens whose embeddings are closest to each vector (logit lens)</p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys have to reach what scrolls */}
          <section class="scroll" tabIndex={0} aria-labelledby="lens-title">
            <Lens lens={lens} />
          </section>
        </section>
      )}
      {examples.length > 0 && (
        <section class="card examples" aria-labelledby="examples-title">
          <h2 id="examples-title">Before and after</h2>
          <p class="sub">the same problems, answered greedily</p>
          <Examples examples={examples} />
        </section>
      )}
    </>
  );
}
