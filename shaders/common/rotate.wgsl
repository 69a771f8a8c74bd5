// The rotation of rope.wgsl and rope_kv.wgsl, in place: the unit of pairs whose first numbers stand at `low` of qkv and whose second
// ones half a head further.

struct Pairs { low: Unit, high: Unit }

fn rotate(low: u32, cosine: Unit, sine: Unit) -> Pairs {
  let x = qkv[low];
  let y = qkv[low + HALF];
  let turned = Pairs(x * cosine - y * sine, y * cosine + x * sine);
  qkv[low] = turned.low;
  qkv[low + HALF] = turned.high;
  return turned;
}
