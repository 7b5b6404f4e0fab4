// The working memory of forward and backward passes that learn: one block, laid out for a number of tokens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/config.h"
#include "model/learn_pass.h"
#include "model/unit_stack.h"
#include "ops/device.h"

namespace amalgam::model {

/// What the backward half of a layer needs beside the input of the layer, T rows each. It overwrites some of it.
struct LayerTrace {
  ops::Array middle;    ///< T x hidden: the residual between attention and MLP
  ops::Array raw_q;     ///< before the heads are normalised; without data where they are not
  ops::Array raw_k;
  ops::Array q;         ///< as attention takes it
  ops::Array k;
  ops::Array v;
  ops::Array attended;
  ops::Array gate;
  ops::Array up;
  std::array<std::vector<ops::Array>, linears_per_layer> inner;  ///< u = x a^T of every group, in the accumulator type
};

/// Arrays of T rows. Those of attention share their memory with those of the MLP. Those for gradients are without data
/// where only values are asked for.
struct LearnArrays {
  std::vector<ops::Array> residuals;  ///< input of every layer and, behind them, the output of the last
  std::vector<LayerTrace> layers;     ///< share their memory unless Keep::activations
  ops::Array normed;
  ops::Array mixed;      ///< T x intermediate: the MLP between its gate and down
  ops::Array dropped;    ///< T x the widest input of units with dropout, of one linear layer at a time
  ops::Array scaled;     ///< T x the largest group's rank, in the activation type
  ops::Array v;          ///< likewise in the accumulator type
  ops::Array d_residual;
  ops::Array d_normed;
  ops::Array d_mixed;
  ops::Array d_attended;
  ops::Array d_q;
  ops::Array d_k;
  ops::Array d_v;
};

/// Ranks of the groups of every linear layer, at layer * linears_per_layer + linear, and whether any loses to dropout.
struct UnitShapes {
  std::vector<std::vector<std::int64_t>> ranks;
  bool has_dropout = false;
};
UnitShapes unit_shapes(const Config& config, std::span<const LearnAdapter> adapters);

/// Cuts the arrays for `tokens` tokens from a block; returns the bytes that it needs. Without `keep` only values can be
/// computed. Without a block it only counts.
std::size_t lay_out(void* block, const ops::Device& device, const Config& config, const UnitShapes& units,
                    std::int64_t tokens, std::optional<Keep> keep, LearnArrays& out);

}  // namespace amalgam::model
