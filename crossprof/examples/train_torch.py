"""Train a small Transformer in PyTorch: same model, data and optimizer as train_tensorflow.py and train_jax.py."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, gelu

import crossprof

WORDS, LENGTH, BATCH, WIDTH, HEADS, LAYERS, STEPS = 512, 64, 32, 128, 4, 4, 80
MASK = torch.full((LENGTH, LENGTH), -1e9).triu(1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.qkv, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.norm2, self.up, self.down = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        q, k, v = self.qkv(self.norm1(x)).reshape(BATCH, LENGTH, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + MASK.to(x.device), -1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(BATCH, LENGTH, WIDTH))
        return x + self.down(gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.word, self.position = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.Sequential(*[Block() for _ in range(LAYERS)])
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WORDS, bias=False)

    def forward(self, tokens):
        return self.head(self.norm(self.blocks(self.word(tokens) + self.position.weight)))


@crossprof.profile("transformer-torch", model="transformer", precision="float32", phase="training", batch_size=BATCH)
def train():
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Transformer().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    print(f"PyTorch {torch.__version__} on {device}, {sum(p.numel() for p in model.parameters()):,} parameters")
    starts = np.random.default_rng(0).integers(0, WORDS, (STEPS, BATCH, 1))
    losses = []
    for batch in crossprof.steps((starts + np.arange(LENGTH + 1)) % WORDS, samples=BATCH):  # every row counts up
        tokens = torch.from_numpy(batch).to(device)
        loss = cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"loss {losses[0]:.2f} -> {losses[-1]:.2f} in {STEPS} steps")


if __name__ == "__main__":
    train()
