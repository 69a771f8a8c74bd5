import { model } from '../../app/engine.ts';
import { notice, vectors } from './state.ts';
import { closeVectors, doubtful, openVectors, saveVectors } from './vectors_file.ts';

/** Which vectors are added, where they come from, and how to keep them. */
export function VectorsCard() {
  const info = vectors.value;
  return (
    <section class="card steer-vectors" aria-labelledby="vectors-name">
      <h2 id="vectors-name">Vectors</h2>
      {info ? (
        <>
          <p class="steer-source">
            <b>{info.name}</b>
            <small>
              {info.layers} layers of {info.hiddenSize} numbers, {info.fromFile ? 'from a file' : 'from training here'}
            </small>
          </p>
          {info.warning && <p class="steer-warning">{info.warning}</p>}
        </>
      ) : (
        <p class="sub">None yet. Training makes them; a file of them from elsewhere works too.</p>
      )}
      {notice.value && (
        <p class="steer-warning" role="status">
          {notice.value}
        </p>
      )}
      {doubtful.value && <Doubtful />}
      <div class="steer-files">
        <label class="button steer-small">
          Open a file…
          <input
            type="file"
            class="steer-unseen"
            name="steer-file"
            accept=".safetensors"
            disabled={!model.value}
            onChange={(event) => {
              const [file] = event.currentTarget.files ?? [];
              // The same file once more is a change too.
              event.currentTarget.value = '';
              if (file) void openVectors(file);
            }}
          />
        </label>
        {info && (
          <>
            <button type="button" class="steer-small" onClick={() => void saveVectors(false)}>
              Save
            </button>
            <button
              type="button"
              class="steer-small"
              title="Strength and layer factors multiplied into the numbers"
              onClick={() => void saveVectors(true)}
            >
              Save as adjusted
            </button>
            {info.fromFile && (
              <button type="button" class="steer-small" onClick={() => void closeVectors()}>
                Put away
              </button>
            )}
          </>
        )}
      </div>
    </section>
  );
}

function Doubtful() {
  const asked = doubtful.value;
  if (!asked) return null;
  return (
    <div class="steer-warning" role="alert">
      <p>{asked.why}</p>
      <p class="steer-files">
        <button type="button" class="steer-small" onClick={() => void openVectors(asked.file, true)}>
          Use them anyway
        </button>
        <button
          type="button"
          class="steer-small"
          onClick={() => {
            doubtful.value = undefined;
          }}
        >
          Leave them
        </button>
      </p>
    </div>
  );
}
