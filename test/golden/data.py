"""Writes the Parquet files of test/golden/data with pyarrow 26.0.1, as Hugging Face's data sets are written.

python test/golden/data.py
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

out = Path(__file__).parent / "data"
out.mkdir(exist_ok=True)

gsm8k = pa.table(
    {
        "question": ["A crate holds 12 pears. Lea takes 5.\nHow many stay?", "Was kosten 3 Äpfel zu 4 €? 🍎"],
        "answer": ["12-5=<<12-5=7>>7 stay.\n#### 7", "3*4=<<3*4=12>>12\n#### 12"],
    }
)
for compression in ["snappy", "zstd", "gzip", "none"]:
    pq.write_table(gsm8k, out / f"gsm8k-{compression}.parquet", compression=compression)

# Numbers in their own types, several row groups, a null.
typed = pa.table(
    {
        "input": [f"What is {i} and {i}?" for i in range(10)],
        "target": pa.array([2 * i for i in range(10)], pa.int64()),
        "share": pa.array([i / 4 for i in range(10)], pa.float64()),
        "type": pa.array([None if i == 3 else "add" for i in range(10)], pa.string()),
    }
)
pq.write_table(typed, out / "typed.parquet", row_group_size=3)
