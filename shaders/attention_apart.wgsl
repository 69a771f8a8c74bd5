// `attention` for rows of different sequences where loads are dear, as in decoding on a processor: the rows of a quad read a prefix
// that all of them share once, as attention.wgsl does, and then each its own keys, for its own slots alone. What is added to
// what, in which order, is as there, and so are the bits.
//
// Needs ROWS of at least 2 and a TILE of at most 4: sixteen slots in all.

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

  var s0: Slot; var s1: Slot; var s2: Slot; var s3: Slot;
  var s4: Slot; var s5: Slot; var s6: Slot; var s7: Slot;
  var s8: Slot; var s9: Slot; var s10: Slot; var s11: Slot;
  var s12: Slot; var s13: Slot; var s14: Slot; var s15: Slot;
  s0 = start(place(0u, row0, kv_head, block), lane);
  if (SLOTS > 1u) { s1 = start(place(1u, row0, kv_head, block), lane); }
  if (SLOTS > 2u) { s2 = start(place(2u, row0, kv_head, block), lane); }
  if (SLOTS > 3u) { s3 = start(place(3u, row0, kv_head, block), lane); }
  if (SLOTS > 4u) { s4 = start(place(4u, row0, kv_head, block), lane); }
  if (SLOTS > 5u) { s5 = start(place(5u, row0, kv_head, block), lane); }
  if (SLOTS > 6u) { s6 = start(place(6u, row0, kv_head, block), lane); }
  if (SLOTS > 7u) { s7 = start(place(7u, row0, kv_head, block), lane); }
  if (SLOTS > 8u) { s8 = start(place(8u, row0, kv_head, block), lane); }
  if (SLOTS > 9u) { s9 = start(place(9u, row0, kv_head, block), lane); }
  if (SLOTS > 10u) { s10 = start(place(10u, row0, kv_head, block), lane); }
  if (SLOTS > 11u) { s11 = start(place(11u, row0, kv_head, block), lane); }
  if (SLOTS > 12u) { s12 = start(place(12u, row0, kv_head, block), lane); }
  if (SLOTS > 13u) { s13 = start(place(13u, row0, kv_head, block), lane); }
  if (SLOTS > 14u) { s14 = start(place(14u, row0, kv_head, block), lane); }
  if (SLOTS > 15u) { s15 = start(place(15u, row0, kv_head, block), lane); }

  let row_count = min(ROWS, params.n - row0);
  let prefix = ranges[row0].xy;
  let joint = row_count > 1u && same_prefix(row0, prefix);
  let shared_end = select(prefix.x, prefix.y, joint);
  for (var first = prefix.x; first < shared_end; first += 4u) {
    let at = chunk_rows(first, shared_end, lane);
    let seen = first + lane < shared_end;
    let keys = load_chunk(at, k_base, lane);
    let p0 = score(s0, keys, lane);
    var p1 = 0.0; var p2 = 0.0; var p3 = 0.0; var p4 = 0.0; var p5 = 0.0; var p6 = 0.0; var p7 = 0.0;
    var p8 = 0.0; var p9 = 0.0; var p10 = 0.0; var p11 = 0.0; var p12 = 0.0; var p13 = 0.0; var p14 = 0.0; var p15 = 0.0;
    if (SLOTS > 1u) { p1 = score(s1, keys, lane); }
    if (SLOTS > 2u) { p2 = score(s2, keys, lane); }
    if (SLOTS > 3u) { p3 = score(s3, keys, lane); }
    if (SLOTS > 4u) { p4 = score(s4, keys, lane); }
    if (SLOTS > 5u) { p5 = score(s5, keys, lane); }
    if (SLOTS > 6u) { p6 = score(s6, keys, lane); }
    if (SLOTS > 7u) { p7 = score(s7, keys, lane); }
    if (SLOTS > 8u) { p8 = score(s8, keys, lane); }
    if (SLOTS > 9u) { p9 = score(s9, keys, lane); }
    if (SLOTS > 10u) { p10 = score(s10, keys, lane); }
    if (SLOTS > 11u) { p11 = score(s11, keys, lane); }
    if (SLOTS > 12u) { p12 = score(s12, keys, lane); }
    if (SLOTS > 13u) { p13 = score(s13, keys, lane); }
    if (SLOTS > 14u) { p14 = score(s14, keys, lane); }
    if (SLOTS > 15u) { p15 = score(s15, keys, lane); }
    let values = load_chunk(at, v_base, lane);
    attend(&s0, p0, seen, values, lane);
    if (SLOTS > 1u) { attend(&s1, p1, seen, values, lane); }
    if (SLOTS > 2u) { attend(&s2, p2, seen, values, lane); }
    if (SLOTS > 3u) { attend(&s3, p3, seen, values, lane); }
    if (SLOTS > 4u) { attend(&s4, p4, seen, values, lane); }
    if (SLOTS > 5u) { attend(&s5, p5, seen, values, lane); }
    if (SLOTS > 6u) { attend(&s6, p6, seen, values, lane); }
    if (SLOTS > 7u) { attend(&s7, p7, seen, values, lane); }
    if (SLOTS > 8u) { attend(&s8, p8, seen, values, lane); }
    if (SLOTS > 9u) { attend(&s9, p9, seen, values, lane); }
    if (SLOTS > 10u) { attend(&s10, p10, seen, values, lane); }
    if (SLOTS > 11u) { attend(&s11, p11, seen, values, lane); }
    if (SLOTS > 12u) { attend(&s12, p12, seen, values, lane); }
    if (SLOTS > 13u) { attend(&s13, p13, seen, values, lane); }
    if (SLOTS > 14u) { attend(&s14, p14, seen, values, lane); }
    if (SLOTS > 15u) { attend(&s15, p15, seen, values, lane); }
  }

  var slots = array<Slot, 16>(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15);
  for (var r = 0u; r < row_count; r++) {
    let range = ranges[row0 + r];
    var t0 = slots[r * TILE];
    var t1 = t0; var t2 = t0; var t3 = t0;
    if (TILE > 1u) { t1 = slots[r * TILE + 1u]; }
    if (TILE > 2u) { t2 = slots[r * TILE + 2u]; }
    if (TILE > 3u) { t3 = slots[r * TILE + 3u]; }
    let chunks = select((range.y - range.x + 3u) / 4u, 0u, joint);
    let all_chunks = chunks + (range.w - range.z + 3u) / 4u;
    for (var chunk = 0u; chunk < all_chunks; chunk++) {
      let own = chunk >= chunks;
      let first = select(range.x + 4u * chunk, range.z + 4u * (chunk - chunks), own);
      let end = select(range.y, range.w, own);
      let at = chunk_rows(first, end, lane);
      let seen = first + lane < end;
      let keys = load_chunk(at, k_base, lane);
      let values = load_chunk(at, v_base, lane);
      attend(&t0, score(t0, keys, lane), seen, values, lane);
      if (TILE > 1u) { attend(&t1, score(t1, keys, lane), seen, values, lane); }
      if (TILE > 2u) { attend(&t2, score(t2, keys, lane), seen, values, lane); }
      if (TILE > 3u) { attend(&t3, score(t3, keys, lane), seen, values, lane); }
    }
    finish(t0, place(r * TILE, row0, kv_head, block), lane);
    if (TILE > 1u) { finish(t1, place(r * TILE + 1u, row0, kv_head, block), lane); }
    if (TILE > 2u) { finish(t2, place(r * TILE + 2u, row0, kv_head, block), lane); }
    if (TILE > 3u) { finish(t3, place(r * TILE + 3u, row0, kv_head, block), lane); }
  }
}
