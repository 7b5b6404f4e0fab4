"""Scores with a random Llama in PyTorch, f32 on the processor: python bench-torch.py SIZES.json

SIZES.json: { vocabulary, hidden, intermediate, layers, heads, tokens, batch, threads }. Prints { tokensPerSecond, version }: the
median of several runs of log-probabilities of all tokens but the first. Needs torch and transformers; the product needs neither.
"""

import json
import statistics
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

with open(sys.argv[1]) as file:
    sizes = json.load(file)
torch.set_num_threads(sizes["threads"])
torch.manual_seed(1)
config = LlamaConfig(
    vocab_size=sizes["vocabulary"],
    hidden_size=sizes["hidden"],
    intermediate_size=sizes["intermediate"],
    num_hidden_layers=sizes["layers"],
    num_attention_heads=sizes["heads"],
    num_key_value_heads=sizes["heads"],
    max_position_embeddings=2048,
    tie_word_embeddings=False,
)
model = LlamaForCausalLM(config).eval()
tokens = torch.randint(0, sizes["vocabulary"], (sizes["batch"], sizes["tokens"] + 1))


@torch.inference_mode()
def score() -> float:
    started = time.perf_counter()
    logits = model(tokens[:, :-1], use_cache=False).logits
    logs = torch.log_softmax(logits, dim=-1).gather(2, tokens[:, 1:, None])
    assert torch.isfinite(logs).all()
    return time.perf_counter() - started


score()
seconds = statistics.median(score() for _ in range(5))
print(json.dumps({"tokensPerSecond": sizes["batch"] * sizes["tokens"] / seconds, "version": torch.__version__}))
