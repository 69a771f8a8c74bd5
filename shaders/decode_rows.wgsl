// Shares the rows of the next pass out among the slots. Slots with the same prompt and the same tokens so far would compute
// the same row bit for bit, so they are one class and have one row between them: a class is led by its first slot, and
// leaders get rows in the order of slots. A class that splits, since its slots drew different tokens, becomes several. A
// finished slot is of no class. Where there are more classes than rows, the last of them wait: what a slot draws is keyed by
// its own counter, not by the pass. Rows that are left over look at one key.
//
// The places of a row, where its keys go, are a chain in the order of slots: see rope_kv.wgsl.
// One workgroup; a lane owns a run of slots, and looks only at those between its class's leader and itself.

const NONE = 0xffffffffu;

var<workgroup> leaders_of: array<u32, WG>;

fn unfinished(slot: u32) -> bool { return counters[slot].w < control[slot].w; }

// The first slot that is still of the same class.
fn leader_of(slot: u32) -> u32 {
  if (!unfinished(slot)) { return NONE; }
  let token = state[4u * slot];
  let before = state[4u * slot + 1u];
  var leader = before;
  while (leader < slot && !(state[4u * leader] == token && state[4u * leader + 1u] == before && unfinished(leader))) {
    leader++;
  }
  return leader;
}

@compute @workgroup_size(WG)
fn decode_rows(@builtin(local_invocation_index) lane: u32) {
  let size = (params.slots + WG - 1u) / WG;
  let first = min(lane * size, params.slots);
  let end = min(first + size, params.slots);

  var count = 0u;
  for (var slot = first; slot < end; slot++) {
    let leader = leader_of(slot);
    if (leader == slot) { count++; }
    state[4u * slot + 3u] = leader;
  }
  leaders_of[lane] = count;
  storageBarrier();
  workgroupBarrier();

  var row = 0u;
  var all = 0u;
  for (var other = 0u; other < WG; other++) {
    if (other == lane) { row = all; }
    all += leaders_of[other];
  }
  for (var slot = first; slot < end; slot++) {
    let leader = state[4u * slot + 3u];
    state[4u * slot + 1u] = leader;
    state[4u * slot + 2u] += 1u;
    let done = counters[slot].w;
    let home = homes[slot];
    places[4u * slot] = NONE;
    places[4u * slot + 1u] = home.z + done - 1u;
    places[4u * slot + 2u] = NONE;
    if (leader != slot) { continue; }
    if (row < params.rows) {
      places[4u * slot] = row;
      places[4u * row + 3u] = slot;
      ids[row] = state[4u * slot];
      positions[row] = home.y - home.x + done - 1u;
      ranges[row] = vec4u(home.xyz, home.z + done);
    }
    row++;
  }
  for (var unused = all + lane; unused < params.rows; unused += WG) {
    places[4u * unused + 3u] = NONE;
    ids[unused] = 0u;
    positions[unused] = 0u;
    ranges[unused] = vec4u(0u, 0u, 0u, 1u);
  }
  storageBarrier();

  for (var slot = first; slot < end; slot++) {
    let leader = state[4u * slot + 3u];
    if (leader == slot || leader == NONE) { continue; }
    places[4u * slot] = places[4u * leader];
    var before = slot - 1u;
    while (state[4u * before + 3u] != leader) { before--; }
    places[4u * before + 2u] = slot;
  }
}
