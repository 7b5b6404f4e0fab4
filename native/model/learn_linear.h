// A linear layer of the frozen base with units that are learned, forward and backward.
#pragma once

#include <cstdint>
#include <span>

#include "model/block.h"
#include "model/config.h"
#include "model/learn_memory.h"
#include "model/learn_pass.h"
#include "model/learn_units.h"
#include "model/rope_tables.h"
#include "model/weights.h"
#include "ops/device.h"

namespace amalgam::model {

/// Everything of a pass that stays the same from layer to layer.
struct LearnContext {
  ops::Device& device;
  const Config& config;
  const Weights& weights;
  const RopeTables& rope;
  const LearnUnits& units;
  std::span<const LearnSequence> batch;
  const BatchRows& rows;
  const LearnArrays& arrays;
  bool learns;           ///< with dropout, and with what gradients need; else only values
  std::int64_t deepest;  ///< depth_of the deepest linear layer with a gradient to give
};

/// The backward half goes from linear layers of large depth to those of small depth. Layers that read the
/// same numbers have the same depth.
std::int64_t depth_of(std::int64_t layer, Linear linear);

/// Whether the backward half goes on below a linear layer.
bool goes_deeper(const LearnContext& context, std::int64_t layer, Linear linear);

/// Whether the backward half needs the layer's input: for the gradient of a factor A.
bool needs_input(const LearnContext& context, std::int64_t layer, Linear linear);

/// The key of the dropout masks of one sequence in one module: the first 64 bits of Philox4x32-10 of (adapter, layer,
/// linear, 0) under the sequence's key, low words first. Rows count within the sequence.
std::uint64_t mask_key(std::uint64_t sequence_key, std::size_t adapter, std::int64_t layer, Linear linear);

/// out = or += x w^T + bias + what the units add. Keeps the units' u in the layer's trace.
void run_linear(const LearnContext& context, std::int64_t layer, Linear linear, ops::Array x, ops::Array out,
                ops::Into into);

/// Only keeps the units' u once more, as run_linear does.
void retrace_linear(const LearnContext& context, std::int64_t layer, Linear linear, ops::Array x);

/// Adds the units' gradients to theirs, and puts or adds the gradient of x into d_x where goes_deeper. x is read where
/// needs_input.
void back_linear(const LearnContext& context, std::int64_t layer, Linear linear, ops::Array x, ops::Array d_out,
                 ops::Array d_x, ops::Into into);

}  // namespace amalgam::model
