// transformers.js in Node, on onnxruntime-node's WebGPU execution provider.
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { serve } from './serve.mjs';
import { openTransformers } from './transformers_run.mjs';

const version = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;

await serve(async ({ model, ...settings }) => {
  const library = await import('@huggingface/transformers');
  library.env.allowRemoteModels = false;
  library.env.localModelPath = dirname(model);
  const lm = await openTransformers(library, { model: basename(model), ...settings });
  return {
    info: {
      impl: 'transformers.js',
      dtype: settings.dtype,
      versions: `@huggingface/transformers ${version('@huggingface/transformers')}, onnxruntime-node ${version('onnxruntime-node')}`,
    },
    ...lm,
  };
});
