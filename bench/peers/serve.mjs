// A peer in a process of its own: one JSON object a line on standard input asks, one on standard output answers.
import { createInterface } from 'node:readline';

/** Greedy choice, ties to the lowest id. */
export function largest(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** A row of logits as it goes over the pipe. */
export function packed(values) {
  return Buffer.from(Float32Array.from(values).buffer).toString('base64');
}

/**
 * Answers until the pipe closes. `open(settings)` gives `{ info, logits(ids), generate(ids, count) }`: what it is (versions,
 * notes), the logits after the last id, and `{ tokens, prefillMs, tokenMs }` of a greedy continuation by `count + 1` tokens, of
 * which the first is the prefill's.
 */
export async function serve(open) {
  const say = (answer) => process.stdout.write(`\u0002${JSON.stringify(answer)}\n`);
  let peer;
  for await (const line of createInterface({ input: process.stdin })) {
    const { op, settings, ids, count } = JSON.parse(line);
    try {
      if (op === 'open') {
        peer = await open(settings);
        say({ info: peer.info });
      } else if (op === 'logits') {
        say({ logits: packed(await peer.logits(ids)) });
      } else {
        say(await peer.generate(ids, count));
      }
    } catch (error) {
      say({ error: String(error?.message ?? error).split('\n')[0] });
    }
  }
  process.exit(0);
}
