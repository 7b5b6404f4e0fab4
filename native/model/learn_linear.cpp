#include "model/learn_linear.h"

#include <algorithm>

#include "core/random.h"

namespace amalgam::model {

namespace {

using ops::Array;
using ops::Into;
using Group = LearnUnits::Group;

/// The first columns of working memory, without gaps.
Array cut(const Array& memory, std::int64_t cols) { return {memory.data, memory.type, memory.rows, cols, cols}; }

const LayerTrace& trace_of(const LearnContext& context, std::int64_t layer) {
  return context.arrays.layers[static_cast<std::size_t>(layer)];
}

bool drops(const LearnContext& context, const Group& group) { return context.learns && group.dropout > 0; }

/// out = or += x with every sequence's own mask.
void drop(const LearnContext& context, const Group& group, std::int64_t layer, Linear linear, const Array& x,
          const Array& out, Into into) {
  for (std::size_t s = 0; s < context.batch.size(); ++s) {
    const ops::SequenceRows& rows = context.rows.sequences[s];
    const std::uint64_t key = mask_key(context.batch[s].dropout_key, group.adapter, layer, linear);
    context.device.dropout(x.row_range(rows.first, rows.rows), group.dropout, key,
                           out.row_range(rows.first, rows.rows), into);
  }
}

/// What the units of a group read of the layer's input x.
Array group_input(const LearnContext& context, const Group& group, std::int64_t layer, Linear linear, const Array& x) {
  if (!drops(context, group)) return x;
  const Array dropped = cut(context.arrays.dropped, x.cols);
  drop(context, group, layer, linear, x, dropped, Into::overwrite);
  return dropped;
}

void run_group(const LearnContext& context, const Group& group, const Array& u, std::int64_t layer, Linear linear,
               const Array& x, const Array* out) {
  context.device.linear(group_input(context, group, layer, linear, x), group.a, u, Into::overwrite);
  if (out == nullptr || group.is_zero) return;
  const Array scaled = cut(context.arrays.scaled, group.a.rows);
  context.device.scale_units(u, group.c, context.rows.sets, scaled);
  context.device.linear(scaled, group.b, *out, Into::accumulate);
}

void run_groups(const LearnContext& context, std::int64_t layer, Linear linear, const Array& x, const Array* out) {
  const std::span<const Group> groups = context.units.groups(layer, linear);
  const auto& inner = trace_of(context, layer).inner[static_cast<std::size_t>(linear)];
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (groups[g].is_idle || (groups[g].is_zero && !context.learns)) continue;
    run_group(context, groups[g], inner[g], layer, linear, x, out);
  }
}

void back_group(const LearnContext& context, const Group& group, const Array& u, std::int64_t layer, Linear linear,
                const Array& x, const Array& d_out, const Array& d_x) {
  ops::Device& device = context.device;
  const std::span<const std::int32_t> sets = context.rows.sets;
  const bool wants_x = goes_deeper(context, layer, linear) && !group.is_zero;
  const bool wants_a = group.d_a.data != nullptr && !group.is_zero;
  const Array scaled = cut(context.arrays.scaled, group.a.rows);
  if (group.d_b.data != nullptr && !group.is_zero) {
    device.scale_units(u, group.c, sets, scaled);
    device.weight_back(d_out, scaled, group.d_b);
  }
  if (!wants_x && !wants_a && group.d_c.data == nullptr) return;
  const Array v = cut(context.arrays.v, group.a.rows);
  device.linear_back(d_out, group.b, v, Into::overwrite);
  if (group.d_c.data != nullptr) device.unit_back(u, v, sets, group.d_c);
  if (!wants_x && !wants_a) return;
  device.scale_units(v, group.c, sets, scaled);
  if (wants_a) device.weight_back(scaled, group_input(context, group, layer, linear, x), group.d_a);
  if (!wants_x) return;
  if (!drops(context, group)) return device.linear_back(scaled, group.a, d_x, Into::accumulate);
  const Array dropped = cut(context.arrays.dropped, d_x.cols);
  device.linear_back(scaled, group.a, dropped, Into::overwrite);
  drop(context, group, layer, linear, dropped, d_x, Into::accumulate);
}

}  // namespace

std::int64_t depth_of(std::int64_t layer, Linear linear) {
  constexpr std::int64_t stages = 4;
  switch (linear) {
    case Linear::q:
    case Linear::k:
    case Linear::v: return layer * stages;
    case Linear::o: return layer * stages + 1;
    case Linear::gate:
    case Linear::up: return layer * stages + 2;
    case Linear::down: break;
  }
  return layer * stages + 3;
}

bool goes_deeper(const LearnContext& context, std::int64_t layer, Linear linear) {
  return depth_of(layer, linear) > context.deepest;
}

bool needs_input(const LearnContext& context, std::int64_t layer, Linear linear) {
  return std::ranges::any_of(context.units.groups(layer, linear),
                             [](const Group& group) { return group.d_a.data != nullptr && !group.is_zero; });
}

std::uint64_t mask_key(std::uint64_t sequence_key, std::size_t adapter, std::int64_t layer, Linear linear) {
  const auto words = core::philox4x32(
      {static_cast<std::uint32_t>(adapter), static_cast<std::uint32_t>(layer), static_cast<std::uint32_t>(linear), 0},
      {static_cast<std::uint32_t>(sequence_key), static_cast<std::uint32_t>(sequence_key >> 32)});
  return (std::uint64_t{words[1]} << 32) | words[0];
}

void run_linear(const LearnContext& context, std::int64_t layer, Linear linear, Array x, Array out, Into into) {
  const LayerWeights& weights = context.weights.layers[static_cast<std::size_t>(layer)];
  const auto l = static_cast<std::size_t>(linear);
  context.device.linear(x, weights.matrices[l].view(), out, into);
  const Array bias = weights.biases[l].view();
  if (bias.rows > 0) context.device.add_bias(out, bias);
  run_groups(context, layer, linear, x, &out);
}

void retrace_linear(const LearnContext& context, std::int64_t layer, Linear linear, Array x) {
  run_groups(context, layer, linear, x, nullptr);
}

void back_linear(const LearnContext& context, std::int64_t layer, Linear linear, Array x, Array d_out, Array d_x,
                 Into into) {
  const auto l = static_cast<std::size_t>(linear);
  if (goes_deeper(context, layer, linear)) {
    const Array w = context.weights.layers[static_cast<std::size_t>(layer)].matrices[l].view();
    context.device.linear_back(d_out, w, d_x, into);
  }
  const std::span<const Group> groups = context.units.groups(layer, linear);
  const auto& inner = trace_of(context, layer).inner[l];
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (!groups[g].is_idle) back_group(context, groups[g], inner[g], layer, linear, x, d_out, d_x);
  }
}

}  // namespace amalgam::model
