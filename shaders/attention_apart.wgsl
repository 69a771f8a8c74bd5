// `attention` for rows of different sequences where loads are dear, as in decoding on a processor: the rows of a quad read a prefix
// that all of them share once, as attention.wgsl does, and then each its own keys, for its own slots alone. What is added to
// what, in which order, is as there, and so are the bits.
//
// Needs ROWS of at least 2, hence a TILE of at most 4.

/// A slot of row `r` of the quad, given the slots of its rows for one head.
fn slot_of(r: u32, a: Slot, b: Slot, c: Slot, d: Slot) -> Slot {
  var slot = a;
  if (r == 1u) { slot = b; }
  if (ROWS > 2u && r == 2u) { slot = c; }
  if (ROWS > 3u && r == 3u) { slot = d; }
  return slot;
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
  s0 = start(place(0u, row0, kv_head, block), lane);
  if (SLOTS > 1u) { s1 = start(place(1u, row0, kv_head, block), lane); }
  if (SLOTS > 2u) { s2 = start(place(2u, row0, kv_head, block), lane); }
  if (SLOTS > 3u) { s3 = start(place(3u, row0, kv_head, block), lane); }
  if (SLOTS > 4u) { s4 = start(place(4u, row0, kv_head, block), lane); }
  if (SLOTS > 5u) { s5 = start(place(5u, row0, kv_head, block), lane); }
  if (SLOTS > 6u) { s6 = start(place(6u, row0, kv_head, block), lane); }
  if (SLOTS > 7u) { s7 = start(place(7u, row0, kv_head, block), lane); }

  let rows = block_ranges(row0);
  let row_count = min(ROWS, params.n - row0);
  let joint = rows.prefix_passes == 1u && row_count > 1u;
  let shared_end = select(rows.r0.x, rows.r0.y, joint);
  for (var first = rows.r0.x; first < shared_end; first += 4u) {
    let at = chunk_rows(first, shared_end, lane);
    let seen = first + lane < shared_end;
    let keys = load_chunk(at, k_base, lane);
    let p0 = score(s0, keys, lane);
    var p1 = 0.0; var p2 = 0.0; var p3 = 0.0; var p4 = 0.0; var p5 = 0.0; var p6 = 0.0; var p7 = 0.0;
    if (SLOTS > 1u) { p1 = score(s1, keys, lane); }
    if (SLOTS > 2u) { p2 = score(s2, keys, lane); }
    if (SLOTS > 3u) { p3 = score(s3, keys, lane); }
    if (SLOTS > 4u) { p4 = score(s4, keys, lane); }
    if (SLOTS > 5u) { p5 = score(s5, keys, lane); }
    if (SLOTS > 6u) { p6 = score(s6, keys, lane); }
    if (SLOTS > 7u) { p7 = score(s7, keys, lane); }
    let values = load_chunk(at, v_base, lane);
    attend(&s0, p0, seen, values, lane);
    if (SLOTS > 1u) { attend(&s1, p1, seen, values, lane); }
    if (SLOTS > 2u) { attend(&s2, p2, seen, values, lane); }
    if (SLOTS > 3u) { attend(&s3, p3, seen, values, lane); }
    if (SLOTS > 4u) { attend(&s4, p4, seen, values, lane); }
    if (SLOTS > 5u) { attend(&s5, p5, seen, values, lane); }
    if (SLOTS > 6u) { attend(&s6, p6, seen, values, lane); }
    if (SLOTS > 7u) { attend(&s7, p7, seen, values, lane); }
  }

  for (var r = 0u; r < row_count; r++) {
    let range = select(select(rows.r0, rows.r1, r == 1u), select(rows.r2, rows.r3, r == 3u), r > 1u);
    let s = array<Slot, 8>(s0, s1, s2, s3, s4, s5, s6, s7);
    var t0 = slot_of(r, s[0], s[min(TILE, 7u)], s[min(2u * TILE, 7u)], s[min(3u * TILE, 7u)]);
    var t1 = t0; var t2 = t0; var t3 = t0;
    if (TILE > 1u) { t1 = slot_of(r, s[1], s[min(TILE + 1u, 7u)], s[min(2u * TILE + 1u, 7u)], s[min(3u * TILE + 1u, 7u)]); }
    if (TILE > 2u) { t2 = slot_of(r, s[2], s[min(TILE + 2u, 7u)], s[min(2u * TILE + 2u, 7u)], s[min(3u * TILE + 2u, 7u)]); }
    if (TILE > 3u) { t3 = slot_of(r, s[3], s[min(TILE + 3u, 7u)], s[min(2u * TILE + 3u, 7u)], s[min(3u * TILE + 3u, 7u)]); }
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
