import { batch, computed, signal } from '@preact/signals';
import type {
  Column,
  ColumnOutcome,
  Format,
  PastTurn,
  Push,
  Scores,
  SteerRequest,
  StreamEvent,
  VectorsInfo,
} from '../../worker/steer_types.ts';

/** How the prompt is written. */
export type Mode = 'question' | 'text' | 'chat';

/** What a column shows. */
export interface ColumnText {
  readonly tokens: readonly StreamEvent[];
  readonly outcome?: ColumnOutcome | undefined;
}

export interface LayerSetting {
  readonly factor: number;
  readonly muted: boolean;
  readonly solo: boolean;
}

/** One question of the demonstration. */
export interface Example {
  readonly question: string;
  readonly answer: string;
}

export const EMPTY: ColumnText = { tokens: [] };

export const mode = signal<Mode>('question');
export const formats = signal<readonly Format[]>([]);
export const format = signal('qa');
export const question = signal('');
export const text = signal('');
export const system = signal('');
/** The message that is being written. */
export const message = signal('');
/** Turns that are over, and the message whose answers the columns show. */
export const past = signal<readonly PastTurn[]>([]);
export const asked = signal<string | undefined>(undefined);
export const examples = signal<readonly Example[]>([]);

export const sampling = signal({ temperature: 0, topK: 0, topP: 1, seed: 0, maxNewTokens: 96 });

export const vectors = signal<VectorsInfo | undefined>(undefined);
export const strength = signal(1);
export const layers = signal<readonly LayerSetting[]>([]);
/** Whether the steered text follows the sliders. */
export const live = signal(true);

export const columns = signal<Readonly<Record<Column, ColumnText>>>({ base: EMPTY, steered: EMPTY });
export const scores = signal<Scores>({});
/** What the texts that are shown were asked, and how long that took. */
export const shownRequest = signal<SteerRequest | undefined>(undefined);
export const seconds = signal<number | undefined>(undefined);
/** Number of the run that goes on. */
export const running = signal<number | undefined>(undefined);
export const problem = signal<string | undefined>(undefined);
/** What became of the vectors: put away, or of other weights. */
export const notice = signal<string | undefined>(undefined);
/** For who cannot see the tokens come: how a run ended. */
export const spoken = signal('');

/** What is added: mute and solo are factors like any other. */
export const push = computed<Push>(() => {
  const solo = layers.value.some((layer) => layer.solo);
  const factor = (layer: LayerSetting) => ((solo ? layer.solo : !layer.muted) ? layer.factor : 0);
  return { strength: strength.value, layers: layers.value.map(factor) };
});

export const AS_TRAINED: LayerSetting = { factor: 1, muted: false, solo: false };

export function setLayer(at: number, change: Partial<LayerSetting>): void {
  layers.value = layers.value.map((layer, i) => (i === at ? { ...layer, ...change } : layer));
}

export function resetLayers(): void {
  layers.value = layers.value.map(() => AS_TRAINED);
}

/** No texts: those that were shown are of another model, or a new conversation begins. */
export function clearTexts(): void {
  batch(() => {
    columns.value = { base: EMPTY, steered: EMPTY };
    scores.value = {};
    shownRequest.value = undefined;
    seconds.value = undefined;
    past.value = [];
    asked.value = undefined;
    problem.value = undefined;
    spoken.value = '';
  });
}
