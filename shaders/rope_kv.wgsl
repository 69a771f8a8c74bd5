// What rope.wgsl does to q and k heads of qkv, with the same bits, and on the way the copy of k and v heads to the cache:
// cache[places[i].y] takes those of the row places[i].x. Several places may take the same row: they are a chain, which begins
// at places[row].w and goes on at a place's z, up to NONE.
// A lane owns one unit of pairs of a row: of all its heads, or of a group's share (PARTS); bandwidth-bound.

const NONE = 0xffffffffu;
// From a key to its value.
const VALUES = 2u * KV_HEADS * HALF;

@compute @workgroup_size(WG)
fn rope_kv(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let pair = i % HALF;
  let part = i / HALF % PARTS;
  let row = i / (HALF * PARTS);
  let angle = 2u * (positions[row] * HALF + pair);
  let a = table[angle];
  let b = table[angle + 1u];
  let cosine = unit_even(a, b);
  let sine = unit_odd(a, b);
  let first = row * ROW + pair;
  for (var h = part; h < HEADS; h += PARTS) { rotate(first + h * (2u * HALF), cosine, sine); }
  for (var h = part; h < KV_HEADS; h += PARTS) {
    let low = first + (HEADS + h) * (2u * HALF);
    let key = rotate(low, cosine, sine);
    let k0 = stored(key.low);
    let k1 = stored(key.high);
    let v0 = stored(qkv[low + VALUES]);
    let v1 = stored(qkv[low + HALF + VALUES]);
    var at = places[row].w;
    while (at != NONE) {
      let place = places[at];
      let to = place.y * (2u * VALUES) + h * (2u * HALF) + pair;
      cache[to] = k0;
      cache[to + HALF] = k1;
      cache[to + VALUES] = v0;
      cache[to + VALUES + HALF] = v1;
      at = place.z;
    }
  }
}
