import './space.css';
import { signal } from '@preact/signals';
import { useMemo, useState } from 'preact/hooks';
import { model } from '../../app/engine.ts';
import { vectorsVersion } from '../../app/vectors.ts';
import { Card } from '../../ui/card.tsx';
import { Choice, Field, Slider } from '../../ui/fields.tsx';
import { Empty, Problem } from '../../ui/messages.tsx';
import type { PathRequest, PathResult } from '../../worker/residual_path.ts';
import { SpaceCanvas } from './space_canvas.tsx';
import { SpaceFlat } from './space_flat.tsx';
import { buildScene, layerName, type Choice as SceneChoice, type ScenePoint, shownToken } from './space_scene.ts';
import { SpaceTable } from './space_table.tsx';
import { useTrace } from './space_trace.ts';

const PROMPT =
  'Question: Tina fills 4 crates with 7 buttons each and keeps 21 buttons outside. How many buttons are there in all?\nAnswer:';

interface Settings extends PathRequest {
  readonly scale: SceneChoice['scale'];
}

/** Kept for as long as the page: who looks at another tab comes back to the same picture. */
const settings = signal<Settings>({
  prompt: PROMPT,
  tokens: 'last',
  lengths: 'rms',
  fit: 'states',
  scale: 'stretched',
  strength: 1,
});

function set(change: Partial<Settings>): void {
  settings.value = { ...settings.value, ...change };
}

/** The path of the residual stream through the layers, without and with the vectors, on three principal axes. */
export function SpaceView() {
  const { scale, ...request } = settings.value;
  const { path, problem, busy } = useTrace(model.value && request, [model.value, vectorsVersion.value]);
  const withoutVectors = !path?.steered;

  return (
    <Card
      class="space"
      title="Path of the residual stream"
      sub="The state of a token after the embedding and after every layer, on the three axes along which these states differ most."
      busy={busy}
    >
      <Field label="Prompt">
        <textarea
          rows={3}
          spellcheck={false}
          value={request.prompt}
          onInput={(event) => set({ prompt: event.currentTarget.value })}
        />
      </Field>
      <div class="space-settings">
        <Choice
          label="Tokens"
          value={request.tokens}
          options={{ last: 'the last', all: 'all' }}
          onChange={(tokens) => set({ tokens })}
        />
        <Choice
          label="States"
          value={request.lengths}
          options={{ rms: 'divided by RMS', raw: 'as they are' }}
          onChange={(lengths) => set({ lengths })}
        />
        <Choice
          label="Axes fitted to"
          value={request.fit}
          options={{ states: 'states', differences: 'differences' }}
          disabled={withoutVectors}
          onChange={(fit) => set({ fit })}
        />
        <Choice
          label="Axes drawn"
          value={scale}
          options={{ stretched: 'equally long', true: 'to scale' }}
          onChange={(chosen) => set({ scale: chosen })}
        />
        <Slider
          label="Strength of the vectors"
          value={request.strength}
          min={-2}
          max={2}
          step={0.05}
          disabled={withoutVectors}
          onChange={(strength) => set({ strength })}
        />
      </div>
      <Problem {...(problem !== undefined && { message: problem })} />
      {path ? (
        <SpacePath path={path} scale={scale} />
      ) : (
        problem === undefined && (
          <Empty>{model.value ? 'Tracing the first path…' : 'The path is drawn as soon as a model is loaded.'}</Empty>
        )
      )}
    </Card>
  );
}

/** Picture and table of a path, and what is chosen in them. */
function SpacePath({ path, scale }: { readonly path: PathResult; readonly scale: SceneChoice['scale'] }) {
  const [chosenToken, setToken] = useState<number>();
  const [layer, setLayer] = useState<number>();
  const [failure, setFailure] = useState<string>();
  // Another prompt may have fewer tokens; nothing chosen is the last one.
  const token = chosenToken !== undefined && chosenToken < path.tokens.length ? chosenToken : path.tokens.length - 1;
  const marked = layer !== undefined && layer <= path.layers ? layer : undefined;
  const scene = useMemo(() => buildScene(path, { token, layer: marked, scale }), [path, token, marked, scale]);
  const name = (t: number) => shownToken(path.tokens[t]?.text ?? '');
  const describe = ({ token: t, layer: l, steered }: ScenePoint) =>
    `${name(t)} · ${layerName(l)} · ${steered ? 'steered' : 'base'}`;

  return (
    <>
      <div class="space-body">
        <div>
          {failure === undefined ? (
            <SpaceCanvas
              scene={scene}
              describe={describe}
              onChoose={(point) => {
                setToken(point.token);
                setLayer(point.layer);
              }}
              onFailure={setFailure}
            />
          ) : (
            <>
              <p class="space-failure" role="status">
                No 3D picture: {failure}. Here is the path on its first two axes.
              </p>
              <SpaceFlat path={path} token={token} />
            </>
          )}
          <Legend steered={path.steered !== undefined} />
          {failure === undefined && (
            <small id="space-keys">
              Drag or arrow keys turn, with shift they move; + and −, two fingers or the wheel (after a click) zoom;
              Home goes back.
            </small>
          )}
        </div>
        <div class="space-figures">
          {path.tokens.length > 1 && (
            <Field label="Token">
              <select value={token} onChange={(event) => setToken(Number(event.currentTarget.value))}>
                {path.tokens.map(({ position }, t) => (
                  <option key={position} value={t}>
                    {position} {name(t)}
                  </option>
                ))}
              </select>
            </Field>
          )}
          <SpaceTable path={path} token={token} layer={marked} onLayer={setLayer} />
        </div>
      </div>
      <p class="space-note">{noteOf(path)}</p>
    </>
  );
}

function noteOf({ explained, promptTokens, tokens, steered }: PathResult): string {
  const share = (100 * explained.reduce((sum, x) => sum + x, 0)).toFixed(0);
  const parts = [`The three axes hold ${share} % of the variance.`];
  if (steered) parts.push('They are fitted at strength 1, and stand still while the strength changes.');
  else {
    parts.push(
      'There are no vectors yet: train some under Train, or open a file of them under Steer, and the steered path is drawn too.',
    );
  }
  if (tokens.length > 1 && tokens.length < promptTokens) {
    parts.push(`Of the prompt's ${promptTokens} tokens the last ${tokens.length} are drawn.`);
  }
  return parts.join(' ');
}

function Legend({ steered }: { readonly steered: boolean }) {
  return (
    <ul class="space-legend">
      <li data-kind="before">base</li>
      {steered && <li data-kind="after">steered</li>}
      {steered && <li data-kind="vector">the layer's own vector</li>}
    </ul>
  );
}
