import { computed, effect, signal } from '@preact/signals';
import { proxy } from 'comlink';
import { engine, inWords, model, modelLoading } from '../../app/engine.ts';
import type {
  AttentionReading,
  InspectedPrompt,
  PromptReading,
  VectorsReading,
  VectorsStamp,
} from '../../worker/inspection_types.ts';

/** A question of the demonstration, as it was trained to read one. */
const EXAMPLE =
  'Question: Tina fills 4 crates with 7 buttons each and keeps 21 buttons outside. How many buttons are there in all?\nAnswer:';

/** Without the vectors, with them, or what they change. */
export type Side = 'base' | 'steered' | 'difference';

/** What can be read of a prompt. */
export type Read = 'prompt' | 'attention';

export const text = signal(EXAMPLE);
/** Whether the prompt is put as a user's message; undefined for what fits the model. */
const asChatChosen = signal<boolean>();
export const asChat = computed(() => (model.value?.hasChatTemplate ?? false) && (asChatChosen.value ?? false));
export const side = signal<Side>('base');
export const layer = signal(0);
/** The head that is shown; undefined for the mean of all. */
export const head = signal<number>();

/** Which vectors the worker has; asked for every other second. */
export const stamp = signal<VectorsStamp>();
export const vectorsReading = signal<VectorsReading>();
export const vectorsProblem = signal<string>();
export const promptReading = signal<PromptReading>();
export const attention = signal<{ readonly base: AttentionReading; readonly steered?: AttentionReading }>();

/** What is read now: the share that is done, where that is known. */
export const reading = signal<{ readonly what: Read; readonly share?: number }>();
/** Why it could not be read. */
export const problem = signal<{ readonly what: Read; readonly text: string }>();

export function chooseChat(on: boolean): void {
  asChatChosen.value = on;
}

// What was read of one model says nothing of the next.
effect(() => {
  void model.value?.identity;
  promptReading.value = undefined;
  attention.value = undefined;
  vectorsReading.value = undefined;
  problem.value = undefined;
  head.value = undefined;
  // The lowest layer sees no vector yet.
  layer.value = Math.floor((model.value?.layers ?? 0) / 2);
});

const isReady = () => model.value !== undefined && modelLoading.value === undefined;

/** Asks which vectors there are, and reads them where they are others than those that are shown. */
export async function refreshVectors(): Promise<void> {
  if (!isReady()) return;
  try {
    stamp.value = await engine().inspection.stamp();
    if (!stamp.value) {
      vectorsReading.value = undefined;
      if (side.value !== 'base') side.value = 'base';
    } else if (stamp.value.serial !== vectorsReading.value?.serial) {
      vectorsReading.value = await engine().inspection.vectors();
    }
    vectorsProblem.value = undefined;
  } catch (error) {
    vectorsProblem.value = inWords(error);
  }
}

const prompt = (): InspectedPrompt => ({ text: text.value, asChat: asChat.value });

/** Reads the prompt's residual stream, without the vectors and with them. */
export async function readPrompt(): Promise<void> {
  await whileReading('prompt', async () => {
    const onProgress = proxy((share: number) => {
      if (reading.value?.what === 'prompt') reading.value = { what: 'prompt', share };
    });
    const found = await engine().inspection.prompt(prompt(), onProgress);
    promptReading.value = found;
    if (!found.lens.steered) side.value = 'base';
  });
}

/** The prompt whose attention is shown: another layer is read of the same one. */
let attended = prompt();

/** Reads the attention of the layer that is chosen, of the prompt as it stands or, `again`, of the one that is shown. */
export async function readAttention(again = false): Promise<void> {
  if (!again) attended = prompt();
  await whileReading('attention', async () => {
    const request = { ...attended, layer: layer.value };
    const base = await engine().inspection.attention({ ...request, steered: false });
    const steered = stamp.value && (await engine().inspection.attention({ ...request, steered: true }));
    attention.value = { base, ...(steered && { steered }) };
    if (!steered) side.value = 'base';
  });
}

export function cancel(): void {
  void engine().inspection.cancel();
}

let latest = 0;

async function whileReading(what: Read, work: () => Promise<void>): Promise<void> {
  const number = ++latest;
  reading.value = { what };
  problem.value = undefined;
  try {
    await work();
  } catch (error) {
    const isAborted = error instanceof Error && error.name === 'AbortError';
    if (!isAborted) problem.value = { what, text: inWords(error) };
  } finally {
    if (number === latest) reading.value = undefined;
  }
}
