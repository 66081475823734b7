"""ms-swift's own loader and template: EXPORT CHECKPOINT FAMILY -> one JSON line a row with ids and loss."""

import sys
from pathlib import Path

from labels import show, start

export, checkpoint, family = start()

from swift import get_processor, get_template, load_dataset  # noqa: E402

processor = get_processor(str(checkpoint), model_type=family)
template = get_template(processor, template_type=family)
template.set_mode("train")
rows, _ = load_dataset(str(Path("sft.jsonl")), load_from_cache_file=False, strict=True)
for row in rows:
    encoded = template.encode(row)
    show(encoded["input_ids"], encoded["labels"])
print(f"{len(rows)} rows", file=sys.stderr)
