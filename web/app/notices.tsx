import { Button } from '../ui/button.tsx';
import { DEMO, gpu, loadModel, model, modelLoading, modelProblem, source, startEngine } from './engine.ts';
import { update } from './offline.ts';
import { type Route, route } from './routes.ts';

/** What stands in the way of working, and the way out. */
export function Notices() {
  const now = gpu.value;
  return (
    <div class="notices" role="alert">
      {now.state === 'failed' && (
        <div class="notice">
          <p>{now.problem}</p>
          <Button small onClick={() => void startEngine()}>
            Look for a GPU again
          </Button>
        </div>
      )}
      {now.state === 'lost' && (
        <div class="notice">
          <p>
            The browser took the GPU away ({now.problem}): a reset of its driver, a sleep of the computer, or too little
            memory. What you wrote, the vectors and every saved run are still here; {source.value.name} is loaded again.
          </p>
          <Button small onClick={() => void startEngine()}>
            Start the GPU again
          </Button>
        </div>
      )}
      {modelProblem.value && now.state === 'ready' && <ModelNotice message={modelProblem.value} />}
      {now.state === 'ready' && NEED_MODEL.has(route.value) && !modelProblem.value && <NoModel />}
      {update.value && (
        <div class="notice">
          <p>A new version of this app is here.</p>
          <Button small onClick={update.value}>
            Reload
          </Button>
        </div>
      )}
    </div>
  );
}

/** Views that can do nothing without a model; Models says itself how to get one. */
const NEED_MODEL: ReadonlySet<Route> = new Set(['train', 'steer', 'inside']);

/** Why nothing can be started here after a model was unloaded. */
function NoModel() {
  if (model.value || modelLoading.value !== undefined) return null;
  return (
    <div class="notice notice-plain">
      <p>No model is loaded, so nothing can be started here.</p>
      <div class="row">
        <Button small onClick={() => void loadModel(DEMO)}>
          Load the demonstration model
        </Button>
        <a href="#/models">Another one</a>
      </div>
    </div>
  );
}

/** Why a model did not come, which one is there instead, and how to have one where there is none. */
function ModelNotice({ message }: { message: string }) {
  const busy = modelLoading.value !== undefined;
  const before = source.value;
  return (
    <div class="notice">
      <p>
        {message} {model.value ? `${model.value.name} is loaded as before.` : !busy && 'No model is loaded now.'}
      </p>
      <div class="row">
        {!model.value && before !== DEMO && (
          <Button small disabled={busy} onClick={() => void loadModel(before)}>
            Load {before.name} again
          </Button>
        )}
        {!model.value && (
          <Button small disabled={busy} onClick={() => void loadModel(DEMO)}>
            Load the demonstration model
          </Button>
        )}
        <Button
          small
          kind="quiet"
          onClick={() => {
            modelProblem.value = undefined;
          }}
        >
          Dismiss
        </Button>
      </div>
    </div>
  );
}
