import type { Geometry } from '../../src/eval/geometry.ts';
import type { Lens } from '../../src/eval/lens.ts';
import type { PromptLens } from '../../src/eval/prompt_lens.ts';

/** Tokens of the longest prompt whose residual stream is read through the head. */
export const LENS_TOKENS = 128;
/** Tokens of the longest prompt whose attention is shown. */
export const ATTENTION_TOKENS = 512;

/** A prompt as somebody wrote it. */
export interface InspectedPrompt {
  readonly text: string;
  /** Put it as a user's message, by the model's chat template. */
  readonly asChat: boolean;
}

export interface InspectedToken {
  readonly id: number;
  readonly text: string;
}

/** Which vectors there are. */
export interface VectorsStamp {
  readonly name: string;
  /** Another one for other vectors, such as those of the next step. */
  readonly serial: number;
}

export interface VectorsReading extends VectorsStamp {
  readonly lens: Lens;
  readonly geometry: Geometry;
}

export interface PromptReading {
  readonly tokens: readonly InspectedToken[];
  readonly lens: PromptLens;
  /** Texts of all tokens that the lens names, by id. */
  readonly names: ReadonlyMap<number, string>;
  /** The vectors of the steered reading. */
  readonly vectors?: VectorsStamp;
}

export interface AttentionRequest extends InspectedPrompt {
  readonly layer: number;
  /** With the vectors added. */
  readonly steered: boolean;
}

export interface AttentionReading {
  readonly tokens: readonly InspectedToken[];
  readonly layer: number;
  readonly heads: number;
  /** Probabilities [H, T, T]: head, query, key. */
  readonly weights: Float32Array;
}
