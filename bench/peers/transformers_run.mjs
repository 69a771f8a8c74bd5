// Hugging Face's transformers.js on WebGPU: the same lines in Node (on onnxruntime-node) and in a page (on onnxruntime-web).

/**
 * Opens an exported model. `checked`: Dawn's bounds checks and validation as a page has them (onnxruntime-node leaves both
 * out). `device` is `webgpu`, or `cpu` for what the same file gives without it.
 */
export async function openTransformers(library, { model, dtype, checked, device = 'webgpu' }) {
  const { AutoModelForCausalLM, Tensor, BaseStreamer } = library;
  const inNode = typeof process !== 'undefined';
  const provider = { name: 'webgpu', validationMode: checked ? 'basic' : 'disabled', enableRobustness: checked };
  const lm = await AutoModelForCausalLM.from_pretrained(model, {
    device,
    dtype,
    ...(inNode && device === 'webgpu' && { session_options: { executionProviders: [provider] } }),
  });
  const inputsOf = (ids) => ({
    input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
    attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), [1, ids.length]),
  });
  return {
    async logits(ids) {
      const { logits } = await lm(inputsOf(ids));
      const vocabulary = logits.dims.at(-1);
      return logits.data.slice(logits.data.length - vocabulary);
    },
    async generate(ids, count) {
      const times = [performance.now()];
      const tokens = [];
      // Without a wish of its own for the prompt, a streamer hears of it first.
      const streamer = new (class extends BaseStreamer {
        heardPrompt = false;
        put([values]) {
          if (this.heardPrompt) {
            times.push(performance.now());
            tokens.push(Number(values.at(-1)));
          }
          this.heardPrompt = true;
        }
        end() {}
      })();
      await lm.generate({ ...inputsOf(ids), max_new_tokens: count + 1, do_sample: false, streamer });
      const [prefillMs, ...tokenMs] = times.slice(1).map((time, i) => time - times[i]);
      return { tokens, prefillMs, tokenMs };
    },
  };
}
