import type { Evaluation } from '../src/eval/evaluate.ts';
import { duration, percent } from '../src/eval/figures.ts';
import type { Stage } from '../src/train/experiment.ts';
import { curves } from './charts.ts';
import { byId, make } from './dom.ts';
import type { Download, FromWorker, Settings, ToWorker } from './messages.ts';
import { accuracyBars, exampleRows, fileLinks, lensRows, showAnswers, verdict } from './results.ts';

const form = byId<HTMLFormElement>('settings');
const fields = byId<HTMLFieldSetElement>('fields');
const startButton = byId<HTMLButtonElement>('start');
const stopButton = byId<HTMLButtonElement>('stop');
const problem = byId('problem');
const adapter = byId('adapter');
const status = byId('status');
const progress = byId<HTMLProgressElement>('progress');
const charts = curves(byId('reward-curve'), byId('length-curve'));

/** What the page knows of the run that it shows. */
interface Run {
  readonly settings: Settings;
  readonly begun: number;
  stage?: Stage;
  stepsDone: number;
  stepSeconds: number;
  base?: Omit<Evaluation, 'rows'>;
  steered?: Omit<Evaluation, 'rows'>;
}

/** Parts of the page that a new run hides until it has something to show in them. */
const OUTPUTS = ['habits', 'files', 'accuracy', 'verdict', 'curves', 'answers', 'lens', 'examples'];

let worker: Worker | undefined = connect();
let run: Run | undefined;
let releaseFiles = () => {};

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const settings = readSettings();
  clear();
  run = { settings, begun: performance.now(), stepsDone: 0, stepSeconds: 0 };
  setRunning(true);
  show('running');
  status.textContent = 'Getting ready';
  progress.removeAttribute('value');
  worker ??= connect();
  tell({ type: 'start', settings });
});

stopButton.addEventListener('click', () => {
  stopButton.disabled = true;
  status.textContent = 'Stopping';
  tell({ type: 'stop' });
});

/** A worker that opens the GPU and the model; a failed one is replaced at the next start. */
function connect(): Worker {
  adapter.dataset.state = 'waiting';
  adapter.textContent = 'Looking for a GPU…';
  const created = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  created.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => receive(data));
  created.addEventListener('error', (event) => {
    receive({ type: 'failed', during: 'run', message: event.message || 'The worker could not be loaded.', files: [] });
  });
  return created;
}

function tell(message: ToWorker): void {
  worker?.postMessage(message);
}

function readSettings(): Settings {
  const data = new FormData(form);
  const number = (name: string) => Number(data.get(name));
  return {
    reward: data.get('reward') as Settings['reward'],
    steps: number('steps'),
    promptsPerStep: number('promptsPerStep'),
    evalSize: number('evalSize'),
    seed: number('seed'),
  };
}

/** What the page does with each message. */
const handlers: { readonly [T in FromWorker['type']]: (message: Extract<FromWorker, { type: T }>) => void } = {
  ready({ adapter: name, isSoftware, layers, hiddenSize }) {
    adapter.dataset.state = 'ready';
    adapter.textContent = `${name}${isSoftware ? ', in software: slow, but it works' : ''}`;
    byId('numbers').textContent = `${layers * hiddenSize} numbers`;
  },
  stage: ({ stage }) => enterStage(stage),
  progress: ({ finished, total, tokens }) => showProgress(finished, total, tokens),
  evaluated: ({ which, result }) => showEvaluation(which, result),
  step({ row, problem: answered }) {
    if (run) {
      run.stepsDone = row.step + 1;
      run.stepSeconds += row.step_time;
    }
    show('curves', 'answers');
    charts.add(row);
    showAnswers(byId('stream'), row.step, row.reward, answered);
    showProgress(0, 1, 0);
  },
  finished({ seconds, lens, examples, files }) {
    byId('lens-rows').replaceChildren(...lensRows(lens));
    byId('example-rows').replaceChildren(...exampleRows(examples));
    show('lens', 'examples');
    for (const item of stageItems()) item.dataset.state = 'done';
    end(`Done in ${duration(seconds)}.`, files);
  },
  stopped: ({ files }) => end(`Stopped after ${run?.stepsDone ?? 0} of ${run?.settings.steps ?? 0} steps.`, files),
  failed({ during, message, files }) {
    worker?.terminate();
    worker = undefined;
    if (during === 'setup') {
      adapter.dataset.state = 'failed';
      adapter.textContent = 'No GPU to work with';
    }
    problem.textContent = message;
    problem.hidden = false;
    if (run) end(`Failed after ${run.stepsDone} of ${run.settings.steps} steps.`, files);
  },
};

function receive(message: FromWorker): void {
  (handlers[message.type] as (message: FromWorker) => void)(message);
}

function stageItems(): HTMLElement[] {
  return [...byId('stages').querySelectorAll<HTMLElement>('[data-stage]')];
}

function enterStage(stage: Stage): void {
  if (run) run.stage = stage;
  let state = 'done';
  for (const item of stageItems()) {
    const current = item.dataset.stage === stage;
    item.dataset.state = current ? 'current' : state;
    if (current) {
      item.setAttribute('aria-current', 'step');
      state = 'ahead';
    } else item.removeAttribute('aria-current');
  }
  showProgress(0, 1, 0);
}

function showProgress(finished: number, total: number, tokens: number): void {
  if (!run) return;
  const { settings, stepsDone, stepSeconds, stage } = run;
  const answers = tokens > 0 ? `${finished} of ${total} answers, ${tokens.toLocaleString('en')} tokens` : '';
  if (stage === 'train') {
    progress.value = (stepsDone + (0.8 * finished) / total) / settings.steps;
    const left = (stepSeconds / stepsDone) * (settings.steps - stepsDone);
    const parts = [`Step ${Math.min(stepsDone + 1, settings.steps)} of ${settings.steps}`, answers];
    if (stepsDone > 0 && left > 0) parts.push(`about ${duration(left)} of training left`);
    status.textContent = parts.filter(Boolean).join(' · ');
    document.title = `${stepsDone}/${settings.steps} · trimtab`;
  } else if (stage === 'report') {
    progress.value = 1;
    status.textContent = 'Reading the vectors';
  } else {
    progress.value = finished / total;
    status.textContent = [stage === 'base' ? 'Measuring' : 'Measuring again', answers].filter(Boolean).join(' · ');
  }
}

function showEvaluation(which: 'base' | 'steered', result: Omit<Evaluation, 'rows'>): void {
  if (!run) return;
  run[which] = result;
  show('accuracy');
  byId('bars').replaceChildren(...accuracyBars(run.base, run.steered));
  const [before, after] = [run.base?.greedy, run.steered?.greedy];
  if (!before) return;
  const big = make('b', { class: after ? 'after' : 'before' }, percent((after ?? before).accuracy));
  byId('jump').replaceChildren(
    ...(after
      ? ['Greedy, from ', make('em', {}, percent(before.accuracy)), ' to', big]
      : ['Greedy, before training', big]),
  );
  if (!after) return;
  const control =
    run.settings.reward === 'correct' ? '' : ' This was a control: its reward knows nothing of right or wrong.';
  byId('verdict').textContent = `${verdict(before, after)}${control}`;
  show('verdict');
}

function end(text: string, files: readonly Download[]): void {
  status.textContent = run && run.stepsDone > 0 && !run.steered ? `${text} The vectors so far can be saved.` : text;
  const { links, release } = fileLinks(files);
  releaseFiles = release;
  byId('files').replaceChildren(...links);
  if (links.length > 0) show('files');
  for (const item of stageItems()) item.removeAttribute('aria-current');
  progress.hidden = true;
  document.title = 'trimtab';
  run = undefined;
  setRunning(false);
}

function clear(): void {
  releaseFiles();
  releaseFiles = () => {};
  problem.hidden = true;
  progress.hidden = false;
  for (const id of OUTPUTS) byId(id).hidden = true;
  byId('stream').replaceChildren();
  charts.clear();
  for (const item of stageItems()) delete item.dataset.state;
}

function show(...ids: readonly string[]): void {
  for (const id of ids) byId(id).hidden = false;
}

function setRunning(running: boolean): void {
  const moveFocus = document.activeElement === (running ? startButton : stopButton);
  fields.disabled = running;
  startButton.disabled = running;
  stopButton.disabled = !running;
  // A button that is disabled under the keyboard's focus loses it.
  if (moveFocus) (running ? stopButton : startButton).focus();
}
