import { effect, signal } from '@preact/signals';
import { proxy, type Remote, wrap } from 'comlink';
import type { Engine } from '../worker/engine.ts';
import type { AdapterInfo, ModelInfo, SessionOptions } from '../worker/session.ts';

/** Whether there is a GPU to work with. */
export type GpuState =
  | { readonly state: 'waiting' }
  | { readonly state: 'ready'; readonly info: AdapterInfo }
  /** `lost`: it was there and went away; a new worker may find it again. */
  | { readonly state: 'failed' | 'lost'; readonly problem: string };

export const gpu = signal<GpuState>({ state: 'waiting' });
/** The model on the GPU. */
export const model = signal<ModelInfo | undefined>(undefined);
/** What goes on with the model: its name while it loads, and why it is not there. */
export const modelLoading = signal<string | undefined>(undefined);
export const modelProblem = signal<string | undefined>(undefined);

const BUDGET = 'trimtab.memoryBudget';
/** Bytes of GPU memory that may be allocated, from the next start of the engine on; undefined for no limit. */
export const memoryBudget = signal<number | undefined>(Number(localStorage.getItem(BUDGET)) || undefined);
effect(() => localStorage.setItem(BUDGET, String(memoryBudget.value ?? '')));

function budgetOptions(): SessionOptions {
  return memoryBudget.value === undefined ? {} : { memoryBudget: memoryBudget.value };
}

let worker: Worker | undefined;
let remote: Remote<Engine> | undefined;

/** The engine in its worker. Each call is a promise; an error of the user's making has the name UserError. */
export function engine(): Remote<Engine> {
  if (!remote) throw new Error('the engine was not started');
  return remote;
}

/** How a model is had again: what a new worker loads first. */
export interface ModelSource {
  readonly name: string;
  load(): Promise<ModelInfo>;
}

export const DEMO: ModelSource = { name: 'the demonstration model', load: () => engine().models.loadDemo() };

let source = DEMO;

/** Starts a worker, in place of the one before, opens the GPU in it, and loads the model that was there. */
export async function startEngine(): Promise<void> {
  worker?.terminate();
  gpu.value = { state: 'waiting' };
  model.value = undefined;
  const created = new Worker(new URL('../worker/worker.ts', import.meta.url), {
    type: 'module',
    // What the engine finds the embedded model by: the worker itself only knows where its script is.
    name: new URL('./', document.baseURI).href,
  });
  worker = created;
  remote = wrap<Engine>(created);
  created.addEventListener('error', (event) => {
    gpu.value = { state: 'failed', problem: event.message || 'The worker could not be loaded: load the page again.' };
  });
  const events = proxy({
    lost(reason: string) {
      if (worker === created) gpu.value = { state: 'lost', problem: reason };
    },
  });
  try {
    gpu.value = { state: 'ready', info: await remote.session.open(budgetOptions(), events) };
  } catch (error) {
    gpu.value = { state: 'failed', problem: inWords(error) };
    return;
  }
  await loadModel(source);
}

/**
 * Loads a model and tells the page of it. A failure is told as a notice of the page; the model before may have had to go.
 * @returns whether it is there
 */
export async function loadModel(wanted: ModelSource): Promise<boolean> {
  modelLoading.value = wanted.name;
  modelProblem.value = undefined;
  try {
    model.value = await wanted.load();
    source = wanted;
    return true;
  } catch (error) {
    modelProblem.value = inWords(error);
    if (!(await engine().session.hasModel)) model.value = undefined;
    return false;
  } finally {
    modelLoading.value = undefined;
  }
}

export async function unloadModel(): Promise<void> {
  await engine().session.unload();
  model.value = undefined;
}

/** A failure in plain words: the message of what the reader can mend, and for the rest that it is not their mistake. */
export function inWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (['UserError', 'GpuError', 'DeviceLostError'].includes(error.name)) return error.message;
  return `Something broke that should not have: ${error.name}: ${error.message}`;
}
