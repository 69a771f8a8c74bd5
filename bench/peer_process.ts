import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What a peer says of itself once its model is open. */
export interface PeerInfo {
  readonly impl: string;
  readonly dtype: string;
  readonly versions: string;
  readonly note?: string;
}

/** A greedy continuation: the first token is the prefill's, every further one has its time. */
export interface Continuation {
  readonly tokens: readonly number[];
  readonly prefillMs: number;
  readonly tokenMs: readonly number[];
}

export interface PeerSettings {
  /** The GGUF file, or the folder of an ONNX export. */
  readonly model: string;
  readonly dtype?: string;
  /** Bounds checks and validation on, as in a page. */
  readonly checked?: boolean;
  /** Default: `webgpu`. */
  readonly device?: 'cpu';
}

/** Answers are marked: libraries print lines of their own. */
const MARK = '\u0002';

/** A peer that runs in a process of its own, by a script of `bench/peers/` (`serve.mjs` has the protocol). */
export class PeerProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #lastWords = '';

  constructor(folder: string, script: string) {
    this.#child = spawn(process.execPath, [join(folder, script)], { cwd: folder, stdio: 'pipe' });
    this.#child.stderr.on('data', (data) => {
      this.#lastWords = `${this.#lastWords}${data}`.slice(-2000);
    });
    this.#child.stdin.on('error', () => {});
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  open(settings: PeerSettings): Promise<{ info: PeerInfo }> {
    return this.#ask({ op: 'open', settings });
  }

  /** Of the token after `ids`. */
  async logits(ids: readonly number[]): Promise<Float32Array> {
    const { logits } = await this.#ask<{ logits: string }>({ op: 'logits', ids });
    const bytes = Uint8Array.from(Buffer.from(logits, 'base64'));
    return new Float32Array(bytes.buffer);
  }

  generate(ids: readonly number[], count: number): Promise<Continuation> {
    return this.#ask({ op: 'generate', ids, count });
  }

  close(): void {
    this.#child.stdin.end();
    this.#child.kill();
  }

  async #ask<T>(question: object): Promise<T> {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    for (;;) {
      const { value, done } = await this.#answers.next();
      if (done) {
        const words = this.#lastWords.trim().split('\n');
        throw new Error(
          `its process ended: ${words.find((line) => /error/i.test(line)) ?? words.at(-1) ?? 'silently'}`,
        );
      }
      if (!value.startsWith(MARK)) continue;
      const answer = JSON.parse(value.slice(MARK.length));
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer;
    }
  }
}

/** Whether a package of `bench/peers/package.json` is there. */
export function isInstalled(folder: string, name: string): boolean {
  return existsSync(join(folder, 'node_modules', name, 'package.json'));
}
