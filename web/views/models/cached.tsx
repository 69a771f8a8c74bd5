import { useEffect } from 'preact/hooks';
import { formatBytes } from '../../../src/gpu/bytes.ts';
import { engine, gpu, loadModel, modelLoading } from '../../app/engine.ts';
import type { CachedModel } from '../../worker/models.ts';
import { cached, fetchModel, refresh, remove, storage } from './downloads.ts';

/** What of the Hub this browser keeps, and the room that it has. */
export function Cached() {
  const ready = gpu.value.state !== 'waiting';
  useEffect(() => {
    if (ready) void refresh();
  }, [ready]);
  const room = storage.value;
  return (
    <article class="card">
      <h2>Kept in this browser</h2>
      {room && (
        <p class="sub">
          This page uses {formatBytes(room.usage)} of the {formatBytes(room.quota)} that the browser gives it, models
          and runs together.{' '}
          {room.persisted
            ? 'The browser keeps them until you remove them.'
            : 'When the disk gets full, the browser may remove them.'}
        </p>
      )}
      {cached.value?.length ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys have to reach what scrolls
        <section class="scroll" tabIndex={0} aria-label="Models kept in this browser">
          <table>
            <thead>
              <tr>
                <th scope="col">Model</th>
                <th scope="col">Size</th>
                <th scope="col">
                  <span class="unseen">What to do with it</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {cached.value.map((each) => (
                <Row key={each.repo} kept={each} />
              ))}
            </tbody>
          </table>
        </section>
      ) : (
        <p class="empty">Nothing yet. A model that you fetch from the Hub stays here, until you delete it.</p>
      )}
      {room && !room.persisted && (
        <button type="button" class="small models-persist" onClick={() => void keep()}>
          Keep it when the disk gets full
        </button>
      )}
    </article>
  );
}

function Row({ kept }: { kept: CachedModel }) {
  const { name, repo, bytes, whole } = kept;
  const load = () =>
    whole ? void loadModel({ name, load: () => engine().models.loadHub(name) }) : void fetchModel(name);
  return (
    <tr>
      <td>{name}</td>
      <td>
        {formatBytes(bytes)}
        {whole ? '' : ' so far'}
      </td>
      <td class="models-actions">
        <button type="button" class="small" disabled={modelLoading.value !== undefined} onClick={load}>
          {whole ? 'Load' : 'Go on'}
        </button>
        <button type="button" class="small danger" aria-label={`Delete ${name}`} onClick={() => void remove(repo)}>
          Delete
        </button>
      </td>
    </tr>
  );
}

/** The browser may ask, or decide by itself. */
async function keep(): Promise<void> {
  await navigator.storage.persist();
  await refresh();
}
