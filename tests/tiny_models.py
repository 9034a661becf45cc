"""Cross-encoders of random weights: they show that the way works, not that scores are good."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MAKE = """if True:
    import string, sys, torch
    from pathlib import Path
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast
    folder, labels = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True)
    letters = string.ascii_lowercase
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + letter for letter in letters)]
    (folder / "vocab.txt").write_text("\\n".join(words))
    torch.manual_seed(7)
    sizes = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    config = BertConfig(vocab_size=len(words), num_labels=labels, initializer_range=0.5, **sizes)
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
"""


def make_cross_encoder(folder: Path, labels: int = 1) -> Path:
    """Make one that gives a text so many scores, in a process of its own: torch stays out of the tests'."""
    subprocess.run([sys.executable, "-c", MAKE, str(folder), str(labels)], check=True, capture_output=True)
    return folder
