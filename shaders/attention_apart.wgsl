// `attention` for rows of different sequences where loads are dear, as in decoding on a processor: the rows of a quad read a prefix
// that all of them share once, four slots at a time (common/attention_fours.wgsl), and then each its own keys, for its own slots alone. What is added to
// what, in which order, is as in attention.wgsl, and so are the bits.
//
// Needs ROWS of at least 2 and a TILE of at most 4: sixteen slots in all.

const FOURS = (SLOTS + 3u) / 4u;

/// Whether all rows of the quad have the prefix of the first; rows beyond the last one repeat it.
fn same_prefix(row0: u32, prefix: vec2u) -> bool {
  var same = true;
  for (var r = 1u; r < ROWS; r++) { same = same && all(ranges[min(row0 + r, params.n - 1u)].xy == prefix); }
  return same;
}

/// The rows of four keys from `first` on, in this lane's order; those beyond `last` repeat the one before it.
fn chunk_rows(first: u32, last: u32, lane: u32) -> vec4u {
  return min(vec4u(first) + (vec4u(lane) ^ vec4u(0u, 1u, 2u, 3u)), vec4u(last - 1u)) * params.kv_stride;
}

@compute @workgroup_size(4 * QUADS)
fn attention_apart(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = local % 4u;
  let item = quad_item(workgroup.x + workgroup.y * workgroups.x, local, QUADS);
  let row0 = item / (KV_HEADS * BLOCKS) * ROWS;
  if (row0 >= params.n) { return; }
  let kv_head = item / BLOCKS % KV_HEADS;
  let block = item % BLOCKS;
  let k_base = params.k_offset + kv_head * HEAD_VECS;
  let v_base = params.v_offset + kv_head * HEAD_VECS;

  var f0 = start_four(0u, row0, kv_head, block, lane);
  var f1: Four; var f2: Four; var f3: Four;
  if (FOURS > 1u) { f1 = start_four(4u, row0, kv_head, block, lane); }
  if (FOURS > 2u) { f2 = start_four(8u, row0, kv_head, block, lane); }
  if (FOURS > 3u) { f3 = start_four(12u, row0, kv_head, block, lane); }

  let row_count = min(ROWS, params.n - row0);
  let prefix = ranges[row0].xy;
  let joint = row_count > 1u && same_prefix(row0, prefix);
  let shared_end = select(prefix.x, prefix.y, joint);
  for (var first = prefix.x; first < shared_end; first += 4u) {
    let at = chunk_rows(first, shared_end, lane);
    let seen = (vec4u(first) + (vec4u(lane) ^ vec4u(0u, 1u, 2u, 3u))) < vec4u(shared_end);
    let keys = load_chunk(at, k_base, lane);
    let w0 = weigh_four(&f0, scores(f0, keys, lane), seen, lane);
    var w1: FourWeights; var w2: FourWeights; var w3: FourWeights;
    if (FOURS > 1u) { w1 = weigh_four(&f1, scores(f1, keys, lane), seen, lane); }
    if (FOURS > 2u) { w2 = weigh_four(&f2, scores(f2, keys, lane), seen, lane); }
    if (FOURS > 3u) { w3 = weigh_four(&f3, scores(f3, keys, lane), seen, lane); }
    let values = load_chunk(at, v_base, lane);
    take_four(&f0, w0, values);
    if (FOURS > 1u) { take_four(&f1, w1, values); }
    if (FOURS > 2u) { take_four(&f2, w2, values); }
    if (FOURS > 3u) { take_four(&f3, w3, values); }
  }

  // Element s of these is slot s ^ lane.
  let a = slots_of(f0, lane);
  var b: array<Slot, 4>; var c: array<Slot, 4>; var d: array<Slot, 4>;
  if (FOURS > 1u) { b = slots_of(f1, lane); }
  if (FOURS > 2u) { c = slots_of(f2, lane); }
  if (FOURS > 3u) { d = slots_of(f3, lane); }
  var slots = array<Slot, 16>(
    a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3], d[0], d[1], d[2], d[3]);
  for (var r = 0u; r < row_count; r++) {
    let range = ranges[row0 + r];
    var t0 = slots[(r * TILE) ^ lane];
    var t1 = t0; var t2 = t0; var t3 = t0;
    if (TILE > 1u) { t1 = slots[(r * TILE + 1u) ^ lane]; }
    if (TILE > 2u) { t2 = slots[(r * TILE + 2u) ^ lane]; }
    if (TILE > 3u) { t3 = slots[(r * TILE + 3u) ^ lane]; }
    let chunks = select((range.y - range.x + 3u) / 4u, 0u, joint);
    let all_chunks = chunks + (range.w - range.z + 3u) / 4u;
    for (var chunk = 0u; chunk < all_chunks; chunk++) {
      let own = chunk >= chunks;
      let first = select(range.x + 4u * chunk, range.z + 4u * (chunk - chunks), own);
      let end = select(range.y, range.w, own);
      let at = chunk_rows(first, end, lane);
      let seen = first + lane < end;
      let keys = load_chunk(at, k_base, lane);
      let w0 = weigh(&t0, score(t0, keys, lane), seen, lane);
      var w1: Weights; var w2: Weights; var w3: Weights;
      if (TILE > 1u) { w1 = weigh(&t1, score(t1, keys, lane), seen, lane); }
      if (TILE > 2u) { w2 = weigh(&t2, score(t2, keys, lane), seen, lane); }
      if (TILE > 3u) { w3 = weigh(&t3, score(t3, keys, lane), seen, lane); }
      let values = load_chunk(at, v_base, lane);
      take(&t0, w0, values);
      if (TILE > 1u) { take(&t1, w1, values); }
      if (TILE > 2u) { take(&t2, w2, values); }
      if (TILE > 3u) { take(&t3, w3, values); }
    }
    finish(t0, place(r * TILE, row0, kv_head, block), lane);
    if (TILE > 1u) { finish(t1, place(r * TILE + 1u, row0, kv_head, block), lane); }
    if (TILE > 2u) { finish(t2, place(r * TILE + 2u, row0, kv_head, block), lane); }
    if (TILE > 3u) { finish(t3, place(r * TILE + 3u, row0, kv_head, block), lane); }
  }
}
