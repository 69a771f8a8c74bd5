import { batch, effect } from '@preact/signals';
import { proxy } from 'comlink';
import { engine, gpu, inWords, model, modelLoading } from '../../app/engine.ts';
import { vectorsVersion } from '../../app/vectors.ts';
import {
  COLUMNS,
  type Column,
  type SteerInput,
  type SteerRequest,
  type StreamBatch,
} from '../../worker/steer_types.ts';
import { lookAt } from './look.ts';
import * as state from './state.ts';

/** A slider rests so long before the steered text is generated again. */
const REST_MS = 250;

/** The base model gets the first two right by luck, which says little at first sight. */
const FIRST_EXAMPLE = 2;

let last = 0;
/** The vectors of the last run: a push that is the same needs no new text. */
let pushed = '';
/** The model that the view has begun with. */
let begun: string | undefined;
let resting: ReturnType<typeof setTimeout> | undefined;

/** Generates both columns from what is written. */
export async function run(): Promise<void> {
  const input = inputNow();
  if (typeof input === 'string') {
    state.problem.value = input;
    return;
  }
  const question = { text: undefined, question: state.question.value.trim(), chat: state.asked.value }[input.kind];
  const gold = state.examples.value.find((one) => one.question === question)?.answer;
  const columns = state.vectors.value ? COLUMNS : COLUMNS.slice(0, 1);
  await generate({ input, gold, columns, ...state.sampling.value });
}

/** Generates the steered column again, for vectors that changed. */
async function again(): Promise<void> {
  const before = state.shownRequest.value;
  if (!before || !state.vectors.value) return;
  // A base text that is not finished would stay so.
  const whole = state.columns.value.base.outcome !== undefined;
  await generate({ ...before, columns: whole ? ['steered'] : COLUMNS });
}

/** Ends the run; the texts stay as far as they are. */
export function stop(): void {
  if (state.running.value !== undefined) void engine().steer.stop();
}

export function newConversation(): void {
  stop();
  state.clearTexts();
}

async function generate(what: Omit<SteerRequest, 'run' | 'strength' | 'layers'>): Promise<void> {
  clearTimeout(resting);
  const number = ++last;
  const push = state.push.value;
  pushed = JSON.stringify(push);
  const request: SteerRequest = { ...what, ...push, run: number };
  batch(() => {
    state.running.value = number;
    state.problem.value = undefined;
    state.spoken.value = '';
    state.scores.value = {};
    state.shownRequest.value = request;
    const cleared = Object.fromEntries(what.columns.map((column) => [column, state.EMPTY]));
    // Without vectors there is no steered text; an old one would be of others.
    const steered = what.columns.includes('base') ? { steered: state.EMPTY } : {};
    state.columns.value = { ...state.columns.value, ...steered, ...cleared };
    lookAt(undefined);
  });
  try {
    const outcome = await engine().steer.generate(request, proxy(receive));
    if (number !== last) return;
    batch(() => {
      state.columns.value = mapColumns((column, so) => ({ ...so, outcome: outcome.columns[column] ?? so.outcome }));
      state.seconds.value = outcome.seconds;
      state.spoken.value = what.columns.map((column) => spokenOf(column)).join(' ');
    });
  } catch (error) {
    if (number === last) state.problem.value = inWords(error);
  } finally {
    if (number === last) state.running.value = undefined;
  }
  if (number !== last || state.columns.value.steered.tokens.length === 0) return;
  try {
    const scores = await engine().steer.scores();
    if (number === last) state.scores.value = scores;
  } catch (error) {
    if (number === last) state.problem.value = inWords(error);
  }
}

function receive({ run, events }: StreamBatch): void {
  if (run !== last) return;
  state.columns.value = mapColumns((column, so) => {
    const fresh = events.filter((event) => event.column === column);
    return fresh.length === 0 ? so : { ...so, tokens: [...so.tokens, ...fresh] };
  });
}

function mapColumns(change: (column: Column, so: state.ColumnText) => state.ColumnText) {
  const { base, steered } = state.columns.value;
  return { base: change('base', base), steered: change('steered', steered) };
}

/** What is written, or what is missing. A message in a conversation ends the turn before. */
function inputNow(): SteerInput | string {
  if (state.mode.value === 'text') {
    const text = state.text.value;
    return text === '' ? 'Write the beginning of a text for the model to continue.' : { kind: 'text', text };
  }
  if (state.mode.value === 'question') {
    const question = state.question.value.trim();
    if (question === '') return 'Write a question, or take one of the examples.';
    return { kind: 'question', format: state.format.value, question };
  }
  const message = state.message.value.trim();
  const before = state.asked.value;
  if (message === '' && before === undefined) return 'Write a message to begin the conversation.';
  if (message !== '') {
    const { base, steered } = state.columns.value;
    const answer = base.outcome?.text ?? '';
    if (before !== undefined && base.outcome) {
      state.past.value = [
        ...state.past.value,
        { user: before, base: answer, steered: steered.outcome?.text ?? answer },
      ];
    }
    state.asked.value = message;
    state.message.value = '';
  }
  return {
    kind: 'chat',
    system: state.system.value,
    past: state.past.value,
    message: state.asked.value as string,
  };
}

function spokenOf(column: Column): string {
  const { tokens, outcome } = state.columns.value[column];
  const name = column === 'base' ? 'Base' : 'Steered';
  const ended = { stop: 'finished', length: 'cut off', stopped: 'stopped' }[outcome?.finishReason ?? 'stopped'];
  return `${name}: ${tokens.length} tokens, ${ended}. ${outcome?.text ?? ''}`;
}

/** Asks the worker which vectors there are; the layers' sliders begin anew for vectors of another shape. */
export async function refreshVectors(): Promise<void> {
  const found = await engine().steer.vectors();
  const before = state.vectors.value;
  if (JSON.stringify(found) === JSON.stringify(before)) return;
  batch(() => {
    state.vectors.value = found;
    if (found?.layers !== state.layers.value.length) {
      state.layers.value = Array.from({ length: found?.layers ?? 0 }, () => state.AS_TRAINED);
    }
    if (found?.format !== undefined && state.formats.value.some(({ name }) => name === found.format)) {
      state.format.value = found.format;
    }
    if (!found && before) {
      state.notice.value = `${before.name} was made for another model and was put away. Train vectors for this one, or open a file of them.`;
    }
  });
}

/** What the view begins with for a model: its formats, questions, and nothing of the model before. */
async function begin(): Promise<void> {
  const now = model.value;
  if (!now) return;
  state.clearTexts();
  try {
    await refreshVectors();
    const { formats, system } = await engine().steer.formats();
    batch(() => {
      state.formats.value = formats;
      if (state.system.value === '') state.system.value = system;
      if (!now.hasChatTemplate && state.mode.value === 'chat') state.mode.value = 'question';
      else if (now.hasChatTemplate && state.mode.value === 'question') state.mode.value = 'chat';
    });
    if (state.examples.value.length === 0) {
      state.examples.value = await engine().steer.examples();
      if (state.question.value === '') state.question.value = state.examples.value[FIRST_EXAMPLE]?.question ?? '';
    }
  } catch (error) {
    state.problem.value = inWords(error);
  }
}

effect(() => {
  const identity = model.value?.identity;
  // A load that failed leaves the model, and its texts.
  if (identity !== undefined && identity !== begun) void begin();
  begun = identity;
});

// Training moves the vectors with every step.
effect(() => {
  if (vectorsVersion.value > 0 && model.value) void refreshVectors();
});

// A model that waits for its turn needs not wait for a text that goes with the old one.
effect(() => {
  if (modelLoading.value !== undefined) stop();
});

// A worker that is gone answers nothing.
effect(() => {
  if (gpu.value.state === 'ready') return;
  last++;
  state.running.value = undefined;
});

effect(() => {
  const push = JSON.stringify(state.push.value);
  clearTimeout(resting);
  if (!state.live.value || push === pushed) return;
  resting = setTimeout(() => void again(), REST_MS);
});
