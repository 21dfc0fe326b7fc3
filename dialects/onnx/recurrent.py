"""Recurrent operators."""

from __future__ import annotations

from nnc.dialects.onnx.base import operators

RECURRENT_OPS = operators("""
GRU(X, W, R, B?, sequence_lens?, initial_h?; activation_alpha: fs, activation_beta: fs,
    activations: ss, clip: f, direction: s, hidden_size: i, layout: i, linear_before_reset: i)
    -> Y?, Y_h?
LSTM(X, W, R, B?, sequence_lens?, initial_h?, initial_c?, P?; activation_alpha: fs,
    activation_beta: fs, activations: ss, clip: f, direction: s, hidden_size: i, input_forget:
    i, layout: i) -> Y?, Y_h?, Y_c?
RNN(X, W, R, B?, sequence_lens?, initial_h?; activation_alpha: fs, activation_beta: fs,
    activations: ss, clip: f, direction: s, hidden_size: i, layout: i) -> Y?, Y_h?
""")
