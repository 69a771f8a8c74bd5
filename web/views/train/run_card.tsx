import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { duration } from '../../../src/eval/figures.ts';
import type { Stage } from '../../../src/train/experiment.ts';
import { gpu, inWords, model } from '../../app/engine.ts';
import { data } from './data_choice.tsx';
import { canSaveIntoFolder, saveFile, saveIntoFolder, saveZip } from './give_out.ts';
import { configYaml } from './recipe.ts';
import {
  answered,
  base,
  closeRun,
  compareWith,
  control,
  isBusy,
  kept,
  pauseRun,
  phase,
  problem,
  progress,
  resumeRun,
  rows,
  run,
  seconds,
  stage,
  warnings,
} from './run_state.ts';

const STAGES: readonly (readonly [Stage, string, string])[] = [
  ['base', 'Measure', 'how often the untouched model is right'],
  ['train', 'Train', 'let it try, reward it, nudge the vectors'],
  ['steered', 'Measure again', 'on the same problems, not trained on'],
  ['report', 'Read', 'which words the vectors stand for'],
];

/** Steps whose mean time says how long the rest takes. */
const RECENT = 8;
/** Part of a step that sampling takes, about: what a bar within a step is drawn by. */
const ROLLOUT_SHARE = 0.8;

/** What the run is at, and what can be done with it. */
export function RunCard() {
  const now = run.value;
  return (
    <section class="card run-card" aria-labelledby="run-title">
      <header>
        <h2 id="run-title">{now ? now.name : 'The run'}</h2>
        {now && <Actions />}
      </header>
      <Stages />
      {phase.value !== 'none' && <Bar />}
      {warnings.value.map((line) => (
        <p class="note" key={line}>
          {line}
        </p>
      ))}
      {problem.value !== undefined && (
        <p id="problem" class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {now && <Files name={now.name} />}
      {now && (
        <details class="config">
          <summary>Settings of this run</summary>
          <pre>{configYaml(now.config)}</pre>
        </details>
      )}
    </section>
  );
}

function Stages() {
  const place = STAGES.findIndex(([name]) => name === (stage.value === 'prompted' ? 'base' : stage.value));
  const isDone = phase.value === 'finished';
  // An evaluation in the middle of training belongs to it.
  const inTraining = stage.value === 'steered' && stepsLeft() > 0;
  const current = inTraining ? 1 : place;
  return (
    <ol id="stages" class="stages">
      {STAGES.map(([name, title, note], i) => {
        const isLeftOut = isDone && (name === 'base' || name === 'steered') && !base.value;
        const isOver = (isDone && !isLeftOut) || i < current;
        const state = isOver ? 'done' : i === current ? 'current' : 'ahead';
        return (
          <li key={name} data-state={state} aria-current={state === 'current' ? 'step' : undefined}>
            <b>{title}</b> {note}
          </li>
        );
      })}
    </ol>
  );
}

function stepsDone(): number {
  return (rows.value.at(-1)?.step ?? -1) + 1;
}

function stepsLeft(): number {
  return Math.max(0, (run.value?.config.max_steps ?? 0) - stepsDone());
}

function Bar() {
  const { value, text } = progressNow();
  return (
    <div class="running">
      {isBusy() && <progress aria-label="Progress of this stage" max={1} value={value} />}
      <p id="status" role="status" data-phase={phase.value}>
        {text}
      </p>
    </div>
  );
}

/** @returns `value` undefined while nothing is known */
function progressNow(): { value: number | undefined; text: string } {
  const [done, all] = [stepsDone(), run.value?.config.max_steps ?? 0];
  const { finished = 0, total = 1, tokens = 0, learning = false } = progress.value ?? {};
  const answers = tokens > 0 ? `${finished} of ${total} answers, ${tokens.toLocaleString('en')} tokens` : '';
  const said = (...parts: string[]) => parts.filter(Boolean).join(' · ');
  switch (phase.value) {
    case 'starting':
      return { value: undefined, text: 'Getting ready' };
    case 'pausing':
      return { value: undefined, text: 'Pausing: the last finished step is being saved' };
    case 'paused':
      return {
        value: 1,
        text: `Paused after ${done} of ${all} steps. It is saved${done > 0 ? ', and the vectors so far can be used' : ''}: Resume goes on from there.`,
      };
    case 'finished':
      return { value: 1, text: seconds.value === undefined ? 'Done.' : `Done in ${duration(seconds.value)}.` };
    case 'broken':
      return { value: 1, text: `Interrupted after ${done} of ${all} steps. What was saved last is kept.` };
  }
  if (stage.value === 'report') return { value: 1, text: 'Reading the vectors' };
  if (stage.value === 'train' || (stage.value === 'steered' && done < all)) {
    const within = stage.value === 'steered' ? 0 : learning ? ROLLOUT_SHARE : (ROLLOUT_SHARE * finished) / total;
    const left = timeLeft();
    const what = stage.value === 'steered' ? 'measuring in between' : learning ? 'learning from them' : '';
    const time = left === undefined ? '' : `about ${duration(left)} of training left`;
    return {
      value: (done + within) / all,
      text: said(`Step ${Math.min(done + 1, all)} of ${all}`, what, answers, time),
    };
  }
  const title = { base: 'Measuring', prompted: 'Measuring with another prompt', steered: 'Measuring again' };
  return { value: finished / total, text: said(stage.value ? title[stage.value] : 'Getting ready', answers) };
}

/** Seconds, by the last steps; undefined before the first one. */
function timeLeft(): number | undefined {
  const recent = rows.value.slice(-RECENT);
  if (recent.length === 0 || stepsLeft() === 0) return undefined;
  return (stepsLeft() * recent.reduce((sum, row) => sum + row.step_time, 0)) / recent.length;
}

function Actions() {
  const now = phase.value;
  const more = useSignal<string | undefined>(undefined);
  const all = run.value?.config.max_steps ?? 0;
  const pauseButton = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // The button that was pressed is gone: who works by keys goes on from the one in its place.
    if (now === 'running' && document.activeElement === document.body)
      pauseButton.current?.focus({ preventScroll: true });
  }, [now]);
  if (isBusy()) {
    return (
      <div class="buttons">
        <button id="pause" ref={pauseButton} type="button" disabled={now !== 'running'} onClick={pauseRun}>
          Pause
        </button>
      </div>
    );
  }
  const isDone = now === 'finished';
  const to = Number(more.value ?? (isDone ? all + 20 : all));
  const isReady = gpu.value.state === 'ready' && model.value !== undefined;
  const goOn = () => {
    const choice = data.value.kind === 'files' ? data.value : undefined;
    void resumeRun(to === all ? {} : { max_steps: to }, choice);
  };
  return (
    <div class="buttons">
      <label class="to">
        {isDone ? 'on to step' : 'to step'}{' '}
        <input
          type="number"
          name="to_step"
          min={isDone ? all + 1 : Math.max(1, stepsDone())}
          value={more.value ?? to}
          onInput={(event) => {
            more.value = event.currentTarget.value;
          }}
        />
      </label>
      <button id="resume" type="button" class={isDone ? '' : 'primary'} disabled={!isReady || !(to > 0)} onClick={goOn}>
        {isDone ? 'Train on' : 'Resume'}
      </button>
      <button id="close" type="button" onClick={closeRun}>
        New run
      </button>
    </div>
  );
}

/** What can be kept of the run outside of this page, and what its reward is drawn beside. */
function Files({ name }: { name: string }) {
  const failed = useSignal<string | undefined>(undefined);
  const others = (kept.value ?? []).filter((other) => other.name !== name && other.problem === undefined);
  const give = (work: () => Promise<void>) => async () => {
    try {
      failed.value = undefined;
      await work();
    } catch (error) {
      // Who closes the picker wants nothing.
      if ((error as Error).name !== 'AbortError') failed.value = inWords(error);
    }
  };
  if (answered.value.length === 0 && rows.value.length === 0) return null;
  return (
    <div class="files">
      <button type="button" onClick={give(() => saveZip(name))}>
        Save as .zip
      </button>
      {canSaveIntoFolder && (
        <button type="button" onClick={give(() => saveIntoFolder(name))}>
          Save into a folder…
        </button>
      )}
      <button type="button" onClick={give(() => saveFile(name, 'steering.safetensors'))}>
        Save the vectors
      </button>
      {phase.value === 'finished' && (
        <button type="button" onClick={give(() => saveFile(name, 'report.html'))}>
          Save the report
        </button>
      )}
      {others.length > 0 && (
        <label>
          Hold against{' '}
          <select
            name="control"
            value={control.value?.name ?? ''}
            onChange={(event) => void compareWith(event.currentTarget.value || undefined)}
          >
            <option value="">the model without vectors</option>
            {others.map((other) => (
              <option key={other.name} value={other.name}>
                {other.name}
              </option>
            ))}
          </select>
        </label>
      )}
      {failed.value !== undefined && <p class="problem">{failed.value}</p>}
    </div>
  );
}
