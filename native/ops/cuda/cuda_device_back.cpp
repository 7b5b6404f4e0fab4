// The CUDA device backward and in learning.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/cuda/cuda_device_class.h"

namespace amalgam::ops {

using core::DType;

namespace {

constexpr std::int64_t most_stretches = 65535;  // blocks of a grid's second dimension

/// Rows next to each other with one set, cut at AMALGAM_STRETCH_ROWS, or at more where there were too many.
std::vector<AmalgamStretch> stretches_of(std::span<const std::int32_t> set_of_row) {
  const auto rows = static_cast<std::int64_t>(set_of_row.size());
  const std::int64_t longest = std::max<std::int64_t>(AMALGAM_STRETCH_ROWS, rows / (most_stretches / 2));
  std::vector<AmalgamStretch> stretches;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int32_t set = set_of_row[static_cast<std::size_t>(row)];
    if (stretches.empty() || stretches.back().set != set || stretches.back().rows == longest) {
      stretches.push_back({row, 0, set});
    }
    ++stretches.back().rows;
  }
  return stretches;
}

bool sets_are_there(std::span<const std::int32_t> set_of_row, const Array& c) {
  return std::all_of(set_of_row.begin(), set_of_row.end(), [&](std::int32_t set) { return set >= 0 && set < c.rows; });
}

bool is_mask_of(const Array& mask, const Array& numbers) {
  return mask.data == nullptr || (mask.type == DType::U8 && same_shape(mask, numbers));
}

}  // namespace

void CudaDevice::linear_back(Array d_out, Array w, Array d_x, Into into) {
  cancel_.check();
  require(is_bf16(d_out) && is_bf16(w) && (is_bf16(d_x) || is_f32(d_x)) && d_out.cols == w.rows &&
              d_x.rows == d_out.rows && d_x.cols == w.cols,
          "linear_back: shapes or types do not fit");
  if (d_x.rows == 0 || d_x.cols == 0) return;
  const int32_t accumulate = into == Into::accumulate ? 1 : 0;
  context_.call(table_.linear_back, table_array(d_out), table_array(w), table_array(d_x), accumulate);
}

void CudaDevice::weight_back(Array d_out, Array x, Array d_w) {
  cancel_.check();
  require(is_bf16(d_out) && is_bf16(x) && is_f32(d_w) && d_out.rows == x.rows && d_w.rows == d_out.cols &&
              d_w.cols == x.cols,
          "weight_back: shapes or types do not fit");
  if (x.rows == 0 || d_w.rows == 0 || d_w.cols == 0) return;
  context_.call(table_.weight_back, table_array(d_out), table_array(x), table_array(d_w));
}

void CudaDevice::scale_units(Array u, Array c, std::span<const std::int32_t> set_of_row, Array out) {
  cancel_.check();
  require(is_f32(u) && is_f32(c) && is_bf16(out) && same_shape(u, out) && c.cols == u.cols &&
              static_cast<std::int64_t>(set_of_row.size()) == u.rows && sets_are_there(set_of_row, c),
          "scale_units: shapes or types do not fit");
  if (u.rows == 0 || u.cols == 0) return;
  context_.call(table_.scale_units, table_array(u), table_array(c), sets_.put(set_of_row), table_array(out));
}

void CudaDevice::unit_back(Array u, Array v, std::span<const std::int32_t> set_of_row, Array d_c) {
  cancel_.check();
  require(is_f32(u) && is_f32(v) && is_f32(d_c) && same_shape(u, v) && d_c.cols == u.cols &&
              static_cast<std::int64_t>(set_of_row.size()) == u.rows && sets_are_there(set_of_row, d_c),
          "unit_back: shapes or types do not fit");
  if (u.rows == 0 || u.cols == 0) return;
  // Where nearly every row has another set than the one before, the grid is too small for all stretches.
  const std::vector<AmalgamStretch> all = stretches_of(set_of_row);
  const auto count = static_cast<std::int64_t>(all.size());
  float* sums = stretch_sums_.numbers<float>(std::min(count, most_stretches) * u.cols);
  for (std::size_t first = 0; first < all.size(); first += most_stretches) {
    const auto part = std::span(all).subspan(first, std::min<std::size_t>(most_stretches, all.size() - first));
    const AmalgamStretch* stretches = stretches_.put(part);
    context_.call(table_.unit_back, table_array(u), table_array(v), stretches, static_cast<int64_t>(part.size()), sums,
                  table_array(d_c));
  }
}

void CudaDevice::dropout(Array x, float rate, std::uint64_t key, Array out, Into into) {
  cancel_.check();
  require(is_bf16(x) && is_bf16(out) && same_shape(x, out) && rate >= 0 && rate < 1,
          "dropout: shapes, types or rate do not fit");
  if (x.rows == 0 || x.cols == 0) return;
  const int32_t accumulate = into == Into::accumulate ? 1 : 0;
  context_.call(table_.dropout, table_array(x), rate, key, table_array(out), accumulate);
}

void CudaDevice::rms_norm_back(Array x, Array weight, float eps, Array d_out, Array d_x) {
  cancel_.check();
  require(is_bf16(x) && is_bf16(weight) && is_bf16(d_out) && is_bf16(d_x) && same_shape(x, d_out) &&
              same_shape(x, d_x) && weight.rows == 1 && weight.cols == x.cols && d_x.data != d_out.data,
          "rms_norm_back: shapes or types do not fit");
  if (x.rows == 0) return;
  context_.call(table_.rms_norm_back, table_array(x), table_array(weight), eps, table_array(d_out), table_array(d_x));
}

void CudaDevice::rope_back(Array d_x, std::int64_t head_dim, std::span<const std::int32_t> positions, Array cosines,
                           Array sines) {
  cancel_.check();
  require(is_bf16(d_x) && is_f32(cosines) && is_f32(sines) && head_dim > 0 && head_dim % 2 == 0 &&
              d_x.cols % head_dim == 0 && cosines.cols == head_dim / 2 && same_shape(cosines, sines) &&
              static_cast<std::int64_t>(positions.size()) == d_x.rows,
          "rope_back: shapes or types do not fit");
  if (d_x.rows == 0) return;
  context_.call(table_.rope_back, table_array(d_x), head_dim, positions_.put(positions), table_array(cosines),
                table_array(sines));
}

void CudaDevice::attention_back(Array q, Array k, Array v, Array out, Array d_out,
                                std::span<const SequenceRows> sequences, const AttentionShape& shape, Array d_q,
                                Array d_k, Array d_v) {
  cancel_.check();
  const auto as_q = [&](const Array& array) { return is_bf16(array) && same_shape(array, q); };
  const auto as_k = [&](const Array& array) { return is_bf16(array) && same_shape(array, k); };
  require(as_q(q) && as_q(out) && as_q(d_out) && as_q(d_q) && as_k(k) && as_k(v) && as_k(d_k) && as_k(d_v) &&
              q.rows == k.rows && q.cols == shape.heads * shape.head_dim && k.cols == shape.kv_heads * shape.head_dim &&
              shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0,
          "attention_back: shapes or types do not fit");
  check_head_dim(shape.head_dim);
  std::vector<AmalgamSequence> present;
  std::int64_t covered = 0;
  for (const SequenceRows& rows : sequences) {
    require(rows.past == 0, "attention_back: a sequence with a past");
    require(rows.first >= 0 && rows.first + rows.rows <= q.rows, "attention_back: rows that are not there");
    if (rows.rows > 0) present.push_back({rows.first, rows.rows, 0, -1});
    covered += rows.rows;
  }
  if (covered < q.rows) {
    for (const Array& gradient : {d_q, d_k, d_v}) context_.call(table_.clear_rows, table_array(gradient));
  }
  if (present.empty()) return;
  const AmalgamAttentionBack back{table_array(q),
                                  table_array(k),
                                  table_array(v),
                                  table_array(out),
                                  table_array(d_out),
                                  table_array(d_q),
                                  table_array(d_k),
                                  table_array(d_v),
                                  shape.heads,
                                  shape.kv_heads,
                                  shape.head_dim,
                                  shape.window,
                                  back_sequences_.put(present),
                                  row_facts_.numbers<float>(2 * shape.heads * q.rows)};
  const std::vector<AmalgamTile> tiles = attention_tiles(present);
  const AmalgamTile* device_tiles = back_tiles_.put(tiles);
  context_.call(table_.attention_back, &back, device_tiles, static_cast<int64_t>(tiles.size()));
}

void CudaDevice::swiglu_back(Array gate, Array up, Array d_out, Array d_gate, Array d_up) {
  cancel_.check();
  for (const Array& array : {gate, up, d_out, d_gate, d_up}) {
    require(is_bf16(array) && same_shape(array, gate), "swiglu_back: shapes or types do not fit");
  }
  if (gate.rows == 0 || gate.cols == 0) return;
  context_.call(table_.swiglu_back, table_array(gate), table_array(up), table_array(d_out), table_array(d_gate),
                table_array(d_up));
}

void CudaDevice::token_loss(TokenObjective objective, Array x, Array w, std::span<const std::int32_t> targets,
                            std::span<const float> weights, std::span<double> values, Array d_x) {
  const auto rows = static_cast<std::size_t>(x.rows);
  const bool has_targets = objective == TokenObjective::cross_entropy;
  const bool wants_gradient = d_x.data != nullptr;
  require(is_bf16(x) && is_bf16(w) && x.cols == w.cols && w.rows > 0 && weights.size() == rows &&
              values.size() == rows && (!has_targets || targets.size() == rows) &&
              (!wants_gradient || (is_bf16(d_x) && same_shape(x, d_x))),
          "token_loss: shapes or types do not fit");
  std::vector<std::int32_t> judged;
  std::vector<std::int64_t> places;
  std::vector<std::int32_t> judged_targets;
  std::vector<float> judged_weights;
  for (std::size_t row = 0; row < rows; ++row) {
    values[row] = 0;
    if (weights[row] == 0) continue;
    judged.push_back(static_cast<std::int32_t>(row));
    places.push_back(static_cast<std::int64_t>(row));
    judged_weights.push_back(weights[row]);
    if (!has_targets) continue;
    require(targets[row] >= 0 && targets[row] < w.rows, "token_loss: a target outside the vocabulary");
    judged_targets.push_back(targets[row]);
  }
  if (wants_gradient && judged.size() < rows) context_.call(table_.clear_rows, table_array(d_x));
  if (judged.empty()) return;

  const auto count = static_cast<std::int64_t>(judged.size());
  const std::int64_t vocabulary = w.rows;
  const std::int64_t chunk = rows_of_logits(count, vocabulary);
  const std::int64_t stride = (vocabulary + 7) / 8 * 8;  // rows that begin at 16 bytes
  const std::int64_t hidden_stride = (x.cols + 7) / 8 * 8;
  const std::int32_t* rows_on_card = judged_rows_.put(judged);
  const std::int64_t* places_on_card = judged_places_.put(places);
  const float* weights_on_card = loss_weights_.put(judged_weights);
  const std::int32_t* targets_on_card = has_targets ? targets_.put(judged_targets) : nullptr;
  auto* values_on_card = loss_values_.numbers<double>(count);
  for (std::int64_t first = 0; first < count; first += chunk) {
    cancel_.check();
    const std::int64_t size = std::min(chunk, count - first);
    const auto part = [&](void* memory, DType type, std::int64_t cols, std::int64_t row_stride) {
      return Array{memory, type, size, cols, row_stride};
    };
    const Array own = part(judged_.numbers<std::uint16_t>(chunk * hidden_stride), DType::BF16, x.cols, hidden_stride);
    const Array logits = part(logits_.numbers<float>(chunk * stride), DType::F32, vocabulary, stride);
    Array d_logits{};
    if (wants_gradient) {
      d_logits = part(d_logits_.numbers<std::uint16_t>(chunk * stride), DType::BF16, vocabulary, stride);
    }
    context_.call(table_.embed, table_array(x), rows_on_card + first, table_array(own));
    linear(own, w, logits, Into::overwrite);
    context_.call(table_.token_loss, table_array(logits), has_targets ? targets_on_card + first : nullptr,
                  weights_on_card + first, values_on_card + first, table_array(d_logits));
    if (!wants_gradient) continue;
    const Array d_own =
        part(d_judged_.numbers<std::uint16_t>(chunk * hidden_stride), DType::BF16, x.cols, hidden_stride);
    linear_back(d_logits, w, d_own, Into::overwrite);
    context_.call(table_.scatter_rows, table_array(d_own), places_on_card + first, table_array(d_x));
  }
  std::vector<double> found(judged.size());
  download(found.data(), values_on_card, found.size() * sizeof(double));
  for (std::size_t i = 0; i < judged.size(); ++i) values[static_cast<std::size_t>(judged[i])] = found[i];
}

double CudaDevice::squared_norm(Array g, Array mask) {
  cancel_.check();
  require(is_f32(g) && is_mask_of(mask, g), "squared_norm: shapes or types do not fit");
  const std::int64_t numbers = g.rows * g.cols;
  if (numbers == 0) return 0;
  const std::int64_t parts = (numbers + AMALGAM_NORM_PART - 1) / AMALGAM_NORM_PART;
  auto* sums = square_sums_.numbers<double>(parts + 1);
  context_.call(table_.squared_norm, table_array(g), table_array(mask), sums);
  double sum = std::numeric_limits<double>::quiet_NaN();
  download(&sum, sums, sizeof(double));
  return sum;
}

void CudaDevice::adamw(Array p, Array g, Array m, Array v, Array mask, const AdamwStep& step, Array copy) {
  cancel_.check();
  require(is_f32(p) && is_f32(g) && is_f32(m) && is_f32(v) && same_shape(p, g) && same_shape(p, m) &&
              same_shape(p, v) && is_mask_of(mask, p) && step.t >= 1 &&
              (copy.data == nullptr || ((is_f32(copy) || is_bf16(copy)) && same_shape(p, copy))),
          "adamw: shapes or types do not fit");
  if (p.rows == 0 || p.cols == 0) return;
  const auto number = [](double value) { return static_cast<float>(value); };
  const auto t = static_cast<double>(step.t);
  const AmalgamAdamw factors{number(step.gradient_scale),
                             number(step.beta1),
                             number(1 - step.beta1),
                             number(step.beta2),
                             number(1 - step.beta2),
                             number(1 - step.rate * step.weight_decay),
                             number(step.rate / (1 - std::pow(step.beta1, t))),
                             number(1 / (1 - std::pow(step.beta2, t))),
                             number(step.epsilon)};
  context_.call(table_.adamw, table_array(p), table_array(g), table_array(m), table_array(v), table_array(mask),
                factors, table_array(copy));
}

}  // namespace amalgam::ops
