/** A command as `trimtab --help` shows it; the rest of it is loaded from `commands/NAME.ts` when it is called. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Whether it computes: then the process needs a WebGPU adapter, its own or SwiftShader. */
  readonly gpu: boolean;
}

/** In the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: 'demo', summary: 'train the embedded model for a few minutes and show what changed', gpu: true },
  { name: 'train', summary: 'train steering vectors by reinforcement learning', gpu: true },
  { name: 'eval', summary: 'measure accuracy on problems, with and without vectors', gpu: true },
  { name: 'compare', summary: 'test whether two evaluations differ, and draw their pass@k curves', gpu: false },
  { name: 'transfer', summary: 'tabulate evaluations by training set, test set and model', gpu: false },
  { name: 'generate', summary: 'continue a prompt', gpu: true },
  { name: 'grade', summary: 'compare answers with gold answers, line by line', gpu: false },
  { name: 'lens', summary: 'show which tokens the vectors push up, layer by layer', gpu: true },
  { name: 'dump', summary: 'write logits, activations and gradients for given tokens', gpu: true },
  { name: 'tokenize', summary: 'turn texts into token ids, or back', gpu: false },
  { name: 'export', summary: 'write vectors for llama.cpp, transformers or PEFT', gpu: false },
  { name: 'bench', summary: 'time every kernel, and the engine end to end', gpu: true },
  {
    name: 'tune',
    summary: 'measure the variants of a model’s products on this adapter, and remember the fastest',
    gpu: true,
  },
  { name: 'doctor', summary: 'show the GPU adapter, its limits, and how to get a better one', gpu: true },
  { name: 'serve', summary: 'serve the browser app on this machine', gpu: false },
];
