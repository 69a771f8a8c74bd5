import { signal } from '@preact/signals';
import type { NextTokenChoices } from '../../../src/eval/next_token.ts';
import { engine, inWords } from '../../app/engine.ts';
import type { Column } from '../../worker/steer_types.ts';
import { running, shownRequest } from './state.ts';

/** A token that the reader looks at. */
export interface Look {
  readonly column: Column;
  readonly step: number;
  /** Where it stands in the window. */
  readonly box: DOMRect;
}

/** Alternatives that the card has room for, of each side. */
const TOP = 5;
/** A pointer that passes over a text asks nothing. */
const REST_MS = 140;

export const look = signal<Look | undefined>(undefined);
/** The alternatives of the token that is looked at; a text where they could not be had. */
export const choices = signal<NextTokenChoices | string | undefined>(undefined);

let known: { readonly request: unknown; readonly found: Map<string, NextTokenChoices> } | undefined;
let resting: ReturnType<typeof setTimeout> | undefined;

export function lookAt(next: Look | undefined): void {
  const before = look.peek();
  look.value = next;
  if (next && before?.column === next.column && before.step === next.step) return;
  clearTimeout(resting);
  choices.value = undefined;
  if (next) resting = setTimeout(() => void find(next), REST_MS);
}

async function find(at: Look): Promise<void> {
  // The texts still grow: the GPU has better things to do.
  if (running.peek() !== undefined) return;
  const request = shownRequest.peek();
  const found = known && known.request === request ? known.found : new Map<string, NextTokenChoices>();
  known = { request, found };
  const key = `${at.column} ${at.step}`;
  let result: NextTokenChoices | string;
  try {
    result = found.get(key) ?? (await engine().steer.choices(at.column, at.step, TOP));
    found.set(key, result);
  } catch (error) {
    result = inWords(error);
  }
  const now = look.peek();
  if (now?.column === at.column && now.step === at.step && shownRequest.peek() === request) choices.value = result;
}
