/** What the Steer view and the engine say to each other. */

/** The model without vectors, and with them. */
export type Column = 'base' | 'steered';

export const COLUMNS: readonly Column[] = ['base', 'steered'];

/** A turn of a conversation that is over; each column goes on from its own answer. */
export interface PastTurn extends Readonly<Record<Column, string>> {
  readonly user: string;
}

/** What the model is to continue. */
export type SteerInput =
  /** A text as it stands. */
  | { readonly kind: 'text'; readonly text: string }
  /** A question in one of the formats that models are asked in. */
  | { readonly kind: 'question'; readonly format: string; readonly question: string }
  /** A message in a conversation, by the model's chat template. */
  | { readonly kind: 'chat'; readonly system: string; readonly past: readonly PastTurn[]; readonly message: string };

/** How much of the vectors is added. */
export interface Push {
  /** Factor on all vectors: 0 is the base model, 1 as they were trained. */
  readonly strength: number;
  /** Factor on each layer's vector, lowest layer first. */
  readonly layers: readonly number[];
}

export interface SteerRequest extends Push {
  /** Number of this run; its events carry it. */
  readonly run: number;
  readonly columns: readonly Column[];
  readonly input: SteerInput;
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** Among so many likeliest; 0: all. */
  readonly topK: number;
  /** Within the likeliest mass; 1: all. */
  readonly topP: number;
  readonly seed: number;
  readonly maxNewTokens: number;
  /** The right answer of the question, where it is known. */
  readonly gold?: string | undefined;
}

/** One token of a column as it was sampled. */
export interface StreamEvent {
  readonly column: Column;
  readonly id: number;
  /** What it adds to the text: nothing while a character is not complete. */
  readonly text: string;
  /** A token that is no text, such as the end of the answer; `text` is its name. */
  readonly special: boolean;
  /** Under the distribution that it was sampled from. */
  readonly logprob: number;
  /** In nats, of the same. */
  readonly entropy: number;
  /** Its place in the answer, from 0. */
  readonly step: number;
}

export interface StreamBatch {
  readonly run: number;
  readonly events: readonly StreamEvent[];
}

/** How a column ended. */
export interface ColumnOutcome {
  /** The answer, without what a stop text cut off. */
  readonly text: string;
  readonly promptTokens: number;
  /** Tokens that belong to the answer; those after them began a stop text. */
  readonly kept: number;
  readonly finishReason: 'stop' | 'length' | 'stopped';
  /** Whether the answer is right, where the request knows. */
  readonly verdict?: { readonly correct: boolean; readonly extracted: string | null } | undefined;
}

export interface SteerOutcome {
  readonly run: number;
  readonly seconds: number;
  readonly columns: Partial<Record<Column, ColumnOutcome>>;
}

/** Log-probabilities of a column's tokens at temperature 1, by the model without vectors and with them. */
export type Scores = Partial<Record<Column, Readonly<Record<Column, Float32Array>>>>;

export interface VectorsInfo {
  readonly name: string;
  readonly layers: number;
  readonly hiddenSize: number;
  /** Euclidean norm of what each layer adds at strength 1. */
  readonly norms: readonly number[];
  readonly fromFile: boolean;
  /** What has to be said with every result. */
  readonly warning?: string | undefined;
  /** The format of their training's prompts, where they say. */
  readonly format?: string | undefined;
}

/** A file of vectors is in use, or was trained on other weights and waits for a word. */
export type OpenedVectors =
  | { readonly state: 'opened'; readonly info: VectorsInfo }
  | { readonly state: 'differs'; readonly why: string };

export interface Format {
  readonly name: string;
  readonly template: string;
  /** Worked examples that stand before the question. */
  readonly examples: number;
}

export interface Formats {
  readonly formats: readonly Format[];
  /** A system line to begin with. */
  readonly system: string;
}
