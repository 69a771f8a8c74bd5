import { formatBytes } from '../gpu/bytes.ts';
import { UserError } from '../gpu/errors.ts';
import type { HubEntry, HubStore } from '../gpu/hub_store.ts';

const ATTEMPTS = 5;

/** What to bring, from where, and the place in the store that it gets. */
export interface Download {
  readonly folder: string;
  readonly commit: string;
  readonly entry: HubEntry;
  readonly url: string;
  /** What the file is a part of, for messages. */
  readonly of: string;
}

export interface DownloadOptions {
  readonly store: HubStore;
  readonly signal?: AbortSignal;
  /** Milliseconds before a broken connection is tried again; doubled each time. Default 1,000. */
  readonly retryDelay?: number;
}

/**
 * Brings a file into the store; tries again where the connection breaks, from where it broke.
 *
 * @param ask as `fetch`; throws for an answer that is no file
 * @param at called with the bytes that are there
 * @throws UserError where it breaks again and again: what has come stays for the next time
 */
export async function download(
  { folder, commit, entry, url, of }: Download,
  { store, signal, retryDelay = 1000 }: DownloadOptions,
  ask: typeof fetch,
  at: (bytes: number) => void,
): Promise<void> {
  let got = 0;
  const read = async (offset: number): Promise<ReadableStream<Uint8Array>> => {
    const headers = { 'accept-encoding': 'identity', ...(offset > 0 && { range: `bytes=${offset}-` }) };
    const response = await ask(url, { headers });
    got = response.status === 206 ? offset : 0;
    const counting = new TransformStream<Uint8Array, Uint8Array>({
      transform(part, controller) {
        // A server that does not know ranges sends what is there already once more.
        const fresh = part.subarray(Math.min(part.length, Math.max(0, offset - got)));
        got += part.length;
        if (fresh.length > 0) controller.enqueue(fresh);
        at(got);
      },
    });
    return (response.body as ReadableStream<Uint8Array>).pipeThrough(counting, signal ? { signal } : {});
  };
  for (let failures = 0; ; ) {
    const before = got;
    try {
      return await store.add(folder, commit, entry, read);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof UserError) throw error;
      failures = got > before ? 1 : failures + 1;
      if (failures >= ATTEMPTS) {
        throw new UserError(
          `${entry.path} of ${of}: the connection to ${new URL(url).origin} broke ${ATTEMPTS} times (${messageOf(error)}). ` +
            `What has come of its ${formatBytes(entry.size)} is kept in ${store.where}: try again to go on from there.`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, retryDelay * 2 ** (failures - 1)));
    }
  }
}

/** A path as a URL has it. */
export function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** fetch says "fetch failed" and has the reason as its cause. */
export function messageOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const inner = cause instanceof Error ? cause : error;
  const { message, code } = inner as Error & { code?: string };
  return message || code || String(inner);
}
