/** The decoder families that can be run. */
import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';

export const FAMILIES: readonly Family[] = [qwen2, qwen3, llama, mistral];

export function familyOfType(modelType: unknown): Family | undefined {
  return FAMILIES.find((family) => family.model_type === modelType);
}

export function familyOfGguf(architecture: string): Family | undefined {
  return FAMILIES.find((family) => family.gguf?.architecture === architecture);
}
