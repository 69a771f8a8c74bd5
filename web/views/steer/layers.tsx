import { significant } from '../../../src/eval/figures.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { AS_TRAINED, type LayerSetting, layers, push, resetLayers, setLayer, vectors } from './state.ts';

/** A factor on each layer's vector. */
export function Layers() {
  const info = vectors.value;
  if (!info) return null;
  const most = Math.max(...info.norms, Number.MIN_VALUE);
  const asTrained = layers.value.every(({ factor, muted, solo }) => factor === AS_TRAINED.factor && !muted && !solo);
  return (
    <Card
      title="Layers"
      class="steer-layers"
      sub="A factor on each layer’s vector. The bar is its length; M mutes it, S hears it alone."
      actions={
        <Button small onClick={resetLayers} disabled={asTrained}>
          All to 1
        </Button>
      }
    >
      <ol>
        {layers.value.map((setting, layer) => (
          <Layer key={layer} layer={layer} setting={setting} norm={info.norms[layer] ?? 0} most={most} />
        ))}
      </ol>
    </Card>
  );
}

function Layer({ layer, setting, norm, most }: { layer: number; setting: LayerSetting; norm: number; most: number }) {
  const { factor, muted, solo } = setting;
  const silent = push.value.layers[layer] === 0;
  return (
    <li data-silent={silent}>
      <span class="steer-layer-name">{layer}</span>
      <span class="steer-norm" title={`Length of the vector of layer ${layer}: ${significant(norm)}`}>
        <i style={{ width: `${(100 * norm) / most}%` }} />
        {significant(norm)}
      </span>
      <input
        type="range"
        name={`layer-${layer}`}
        min={0}
        max={2}
        step={0.05}
        value={factor}
        aria-label={`Factor of layer ${layer}`}
        onInput={(event) => setLayer(layer, { factor: event.currentTarget.valueAsNumber })}
      />
      <output>{factor.toFixed(2)}</output>
      <button
        type="button"
        aria-pressed={muted}
        aria-label={`Mute layer ${layer}`}
        title="Mute"
        onClick={() => setLayer(layer, { muted: !muted })}
      >
        M
      </button>
      <button
        type="button"
        aria-pressed={solo}
        aria-label={`Layer ${layer} alone`}
        title="Solo"
        onClick={() => setLayer(layer, { solo: !solo })}
      >
        S
      </button>
    </li>
  );
}
