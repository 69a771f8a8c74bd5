fn move_four(i: u32) { out[i] = kv_stored(inp[i]); }
