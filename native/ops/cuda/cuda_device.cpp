#include "ops/cuda/cuda_device.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"
#include "ops/cuda/cublas_library.h"
#include "ops/cuda/cuda_device_class.h"
#include "ops/cuda/cuda_library.h"

namespace amalgam::ops {

namespace {

using core::DType;

constexpr std::size_t logit_bytes = std::size_t{256} << 20;  ///< most memory for the logits of a chunk of rows
constexpr std::int64_t most_chunk_rows = 1024;

}  // namespace

std::int64_t rows_of_logits(std::int64_t count, std::int64_t vocabulary) {
  const auto fitting = static_cast<std::int64_t>(logit_bytes / (static_cast<std::size_t>(vocabulary) * sizeof(float)));
  return std::min(count, std::clamp<std::int64_t>(fitting, 16, most_chunk_rows));
}

std::vector<AmalgamTile> attention_tiles(std::span<const AmalgamSequence> sequences) {
  std::vector<AmalgamTile> tiles;
  for (std::size_t sequence = 0; sequence < sequences.size(); ++sequence) {
    const std::int64_t count = (sequences[sequence].rows + AMALGAM_ATTENTION_ROWS - 1) / AMALGAM_ATTENTION_ROWS;
    for (std::int64_t tile = count - 1; tile >= 0; --tile) {
      tiles.push_back({static_cast<int32_t>(sequence), static_cast<int32_t>(tile)});
    }
  }
  return tiles;
}

void check_head_dim(std::int64_t head_dim) {
  if (head_dim <= most_cuda_head_dim) return;
  throw core::Error("config-unsupported", "On CUDA head_dim is at most " + std::to_string(most_cuda_head_dim) + ", not " +
                                              std::to_string(head_dim) + "; the processor takes any.");
}

void CudaDevice::embed(Array table, std::span<const std::int32_t> ids, Array out) {
  cancel_.check();
  require(is_bf16(table) && is_bf16(out) && table.cols == out.cols &&
              static_cast<std::int64_t>(ids.size()) == out.rows,
          "embed: shapes or types do not fit");
  for (const std::int32_t id : ids) require(id >= 0 && id < table.rows, "embed: an id outside the table");
  if (out.rows == 0) return;
  context_.call(table_.embed, table_array(table), ids_.put(ids), table_array(out));
}

void CudaDevice::rms_norm(Array x, Array weight, float eps, Array out) {
  cancel_.check();
  require(is_bf16(x) && is_bf16(weight) && is_bf16(out) && same_shape(x, out) && weight.rows == 1 &&
              weight.cols == x.cols,
          "rms_norm: shapes or types do not fit");
  if (x.rows > 0) context_.call(table_.rms_norm, table_array(x), table_array(weight), eps, table_array(out));
}

void CudaDevice::linear(Array x, Array w, Array out, Into into) {
  cancel_.check();
  const bool types_fit = is_bf16(x) && is_bf16(w) && (is_bf16(out) || out.type == DType::F32);
  require(types_fit && x.cols == w.cols && out.rows == x.rows && out.cols == w.rows,
          "linear: shapes or types do not fit");
  if (out.rows == 0 || out.cols == 0) return;
  const int32_t accumulate = into == Into::accumulate ? 1 : 0;
  context_.call(table_.linear, table_array(x), table_array(w), table_array(out), accumulate);
}

void CudaDevice::add_bias(Array x, Array bias) {
  cancel_.check();
  require(is_bf16(x) && is_bf16(bias) && bias.rows == 1 && bias.cols == x.cols,
          "add_bias: shapes or types do not fit");
  if (x.rows > 0) context_.call(table_.add_bias, table_array(x), table_array(bias));
}

void CudaDevice::add_units(Array x, Array a, Array b, Array c, std::span<const std::int32_t> set_of_row, Array out) {
  cancel_.check();
  const std::int64_t units = a.rows;
  require(c.type == DType::F32 && c.cols == units && b.cols == units && b.rows == out.cols &&
              static_cast<std::int64_t>(set_of_row.size()) == x.rows,
          "add_units: shapes or types do not fit");
  if (units == 0 || x.rows == 0) return;
  const std::int64_t stride = (units + 7) / 8 * 8;  // rows that begin at 16 bytes
  const Array sums{unit_sums_.numbers<float>(x.rows * stride), DType::F32, x.rows, units, stride};
  const Array scaled{scaled_units_.numbers<std::uint16_t>(x.rows * stride), DType::BF16, x.rows, units, stride};
  linear(x, a, sums, Into::overwrite);
  context_.call(table_.scale_units, table_array(sums), table_array(c), sets_.put(set_of_row), table_array(scaled));
  linear(scaled, b, out, Into::accumulate);
}

void CudaDevice::rope(Array x, std::int64_t head_dim, std::span<const std::int32_t> positions, Array cosines,
                      Array sines) {
  cancel_.check();
  require(is_bf16(x) && cosines.type == DType::F32 && sines.type == DType::F32 && head_dim > 0 && head_dim % 2 == 0 &&
              x.cols % head_dim == 0 && cosines.cols == head_dim / 2 && same_shape(cosines, sines) &&
              static_cast<std::int64_t>(positions.size()) == x.rows,
          "rope: shapes or types do not fit");
  if (x.rows == 0) return;
  context_.call(table_.rope, table_array(x), head_dim, positions_.put(positions), table_array(cosines),
                table_array(sines));
}

void CudaDevice::attention(Array q, Array k, Array v, const CacheLayer& cache,
                           std::span<const SequenceRows> sequences, const AttentionShape& shape, Array out) {
  cancel_.check();
  require(is_bf16(q) && is_bf16(k) && is_bf16(v) && is_bf16(out) && same_shape(q, out) && same_shape(k, v) &&
              q.rows == k.rows && q.cols == shape.heads * shape.head_dim && k.cols == shape.kv_heads * shape.head_dim &&
              shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0,
          "attention: shapes or types do not fit");
  check_head_dim(shape.head_dim);
  std::vector<AmalgamSequence> several;
  std::vector<AmalgamSequence> single;
  for (const SequenceRows& rows : sequences) {
    require(rows.past == 0 || (rows.slot >= 0 && rows.past <= cache.positions && is_bf16(cache.keys) &&
                               is_bf16(cache.values)),
            "attention: a past that the cache does not hold");
    require(rows.first >= 0 && rows.first + rows.rows <= q.rows, "attention: rows that are not there");
    if (rows.rows > 0) (rows.rows == 1 ? single : several).push_back({rows.first, rows.rows, rows.past, rows.slot});
  }
  AmalgamAttention attention{table_array(q),
                             table_array(k),
                             table_array(v),
                             table_array(cache.keys),
                             table_array(cache.values),
                             table_array(out),
                             cache.positions,
                             shape.heads,
                             shape.kv_heads,
                             shape.head_dim,
                             shape.window,
                             nullptr};
  if (!several.empty()) prefill(attention, several);
  if (!single.empty()) decode(attention, single);
}

void CudaDevice::prefill(AmalgamAttention attention, std::span<const AmalgamSequence> sequences) {
  const std::vector<AmalgamTile> tiles = attention_tiles(sequences);
  attention.device_sequences = prefill_sequences_.put(sequences);
  const AmalgamTile* device_tiles = tiles_.put(tiles);
  context_.call(table_.attention_prefill, &attention, device_tiles, static_cast<int64_t>(tiles.size()));
}

void CudaDevice::decode(AmalgamAttention attention, std::span<const AmalgamSequence> sequences) {
  std::int64_t most_keys = 0;
  for (const AmalgamSequence& sequence : sequences) {
    const std::int64_t keys = sequence.past + 1;
    most_keys = std::max(most_keys, attention.window > 0 ? std::min(keys, attention.window) : keys);
  }
  const std::int64_t parts = (most_keys + AMALGAM_ATTENTION_KEYS - 1) / AMALGAM_ATTENTION_KEYS;
  const auto count = static_cast<std::int64_t>(sequences.size());
  attention.device_sequences = decode_sequences_.put(sequences);
  float* partials = partials_.numbers<float>(count * attention.heads * parts * (attention.head_dim + 2));
  context_.call(table_.attention_decode, &attention, count, parts, partials);
}

void CudaDevice::keep_keys(Array k, Array v, const CacheLayer& cache, std::span<const SequenceRows> sequences) {
  cancel_.check();
  require(is_bf16(k) && is_bf16(v) && is_bf16(cache.keys) && is_bf16(cache.values) && same_shape(k, v) &&
              k.cols == cache.keys.cols && v.cols == cache.values.cols,
          "keep_keys: shapes or types do not fit");
  if (k.rows == 0) return;
  std::vector<std::int64_t> targets(static_cast<std::size_t>(k.rows), -1);
  for (const SequenceRows& rows : sequences) {
    if (rows.slot < 0) continue;
    require(rows.past + rows.rows <= cache.positions && (rows.slot + 1) * cache.positions <= cache.keys.rows,
            "keep_keys: the cache is too short");
    for (std::int64_t i = 0; i < rows.rows; ++i) {
      targets[static_cast<std::size_t>(rows.first + i)] = rows.slot * cache.positions + rows.past + i;
    }
  }
  const std::int64_t* device_targets = kept_rows_.put(targets);
  context_.call(table_.scatter_rows, table_array(k), device_targets, table_array(cache.keys));
  context_.call(table_.scatter_rows, table_array(v), device_targets, table_array(cache.values));
}

void CudaDevice::swiglu(Array gate, Array up, Array out) {
  cancel_.check();
  require(is_bf16(gate) && is_bf16(up) && is_bf16(out) && same_shape(gate, up) && same_shape(gate, out),
          "swiglu: shapes or types do not fit");
  if (out.rows > 0) context_.call(table_.swiglu, table_array(gate), table_array(up), table_array(out));
}

void CudaDevice::add(Array x, Array y) {
  cancel_.check();
  require(is_bf16(x) && is_bf16(y) && same_shape(x, y), "add: shapes or types do not fit");
  if (x.rows > 0) context_.call(table_.add, table_array(x), table_array(y));
}

void CudaDevice::token_choices(Array x, Array w, std::span<const std::int32_t> targets,
                               std::span<double> log_probabilities, std::span<std::int32_t> best) {
  const auto rows = static_cast<std::size_t>(x.rows);
  const bool wants_targets = !targets.empty() || !log_probabilities.empty();
  require(is_bf16(x) && is_bf16(w) && x.cols == w.cols &&
              (!wants_targets || (targets.size() == rows && log_probabilities.size() == rows)) &&
              (best.empty() || best.size() == rows),
          "token_choices: shapes or types do not fit");

  for (const std::int32_t target : targets) require(target < w.rows, "token_choices: a target outside the vocabulary");
  const std::int64_t count = x.rows;
  if (count == 0 || (!wants_targets && best.empty())) return;
  const std::int64_t vocabulary = w.rows;
  const std::int64_t chunk = rows_of_logits(count, vocabulary);
  float* logits = logits_.numbers<float>(chunk * vocabulary);
  auto* device_sums = static_cast<double*>(choices_.at_least(rows * (sizeof(double) + sizeof(std::int32_t))));
  auto* device_best = reinterpret_cast<std::int32_t*>(device_sums + rows);
  const std::int32_t* device_targets = wants_targets ? targets_.put(targets) : nullptr;
  for (std::int64_t first = 0; first < count; first += chunk) {
    const std::int64_t size = std::min(chunk, count - first);
    const Array part{logits, DType::F32, size, vocabulary, vocabulary};
    linear(x.row_range(first, size), w, part, Into::overwrite);
    context_.call(table_.token_choices, table_array(part), wants_targets ? device_targets + first : nullptr,
                  device_sums + first, device_best + first);
  }

  std::vector<double> sums(rows);
  if (wants_targets) download(sums.data(), device_sums, rows * sizeof(double));
  for (std::size_t row = 0; wants_targets && row < rows; ++row) {
    if (targets[row] >= 0 || targets[row] == best_token) log_probabilities[row] = sums[row];
  }
  if (!best.empty()) download(best.data(), device_best, best.size_bytes());
}

std::unique_ptr<Device> open_cuda_device(const AmalgamBackend& backend, const AmalgamCublas* cublas, int index,
                                         const core::CancelToken& cancel) {
  return std::make_unique<CudaDevice>(backend, cublas, index, cancel);
}

std::unique_ptr<Device> open_cuda_device(int index, const core::CancelToken& cancel) {
  const CudaLibrary cuda = open_cuda_library();
  if (cuda.backend == nullptr) throw core::Error("device-unknown", "CUDA cannot be used: " + cuda.reason + ".");
  if (index < 0 || index >= cuda.device_count) {
    throw core::Error("device-unknown", "There is no card cuda:" + std::to_string(index) + "; cards on this machine: " +
                                            std::to_string(cuda.device_count) + ".");
  }
  AmalgamDeviceInfo info{};
  AmalgamFailure failure{};
  check_cuda(cuda.backend->device_info(index, &info, &failure), failure);
  if (info.compute_major < 8) {
    throw core::Error("device-unknown", std::string(info.name) + " has compute capability " +
                                            std::to_string(info.compute_major) + "." +
                                            std::to_string(info.compute_minor) + "; 8.0 or later is needed.");
  }
  const CublasLibrary& cublas = find_cublas();
  return open_cuda_device(*cuda.backend, cublas.reason.empty() ? &cublas.functions : nullptr, index, cancel);
}

}  // namespace amalgam::ops
