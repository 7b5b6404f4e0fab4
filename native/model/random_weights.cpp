#include <algorithm>
#include <cmath>
#include <vector>

#include "core/cpu.h"
#include "core/thread_pool.h"
#include "model/load_weights.h"

namespace amalgam::model {

namespace {

constexpr std::int64_t block_elements = 8 << 20;
constexpr std::int64_t run_elements = 64 << 10;
constexpr float deviation = 0.02f;  // initializer_range of all four families

/// A counter put through a mixing function (splitmix64): any thread may make any number.
std::uint64_t mixed(std::uint64_t counter) {
  std::uint64_t z = counter * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// Numbers [first, first + count) of the stream, uniform around 0.
void fill_run(std::uint64_t seed, std::uint64_t first, std::int64_t count, float* out) {
  const float half_width = deviation * std::sqrt(3.0f);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto bits = static_cast<std::int32_t>(mixed(seed + first + static_cast<std::uint64_t>(i)) >> 32);
    out[i] = static_cast<float>(bits) * 0x1p-31f * half_width;
  }
}

}  // namespace

Weights random_weights(ops::Device& device, const Config& config, core::DType type, std::uint64_t seed) {
  Weights weights;
  const core::DType stored = device.stored(type);
  const auto element_bytes = static_cast<std::int64_t>(ops::array_bytes(stored, 1, 1));
  core::ThreadPool pool(core::hardware_threads());
  std::vector<float> numbers(block_elements);
  std::vector<std::byte> bytes(static_cast<std::size_t>(block_elements * element_bytes));
  std::uint64_t position = mixed(seed + 1);
  for (const WeightPlace& place : list_weights(config, weights)) {
    *place.array = ops::DeviceArray(device, stored, place.rows(), place.cols());
    auto* to = static_cast<std::byte*>(place.array->view().data);
    const bool is_matrix = place.shape.size() == 2;
    const float constant = place.name.ends_with(".bias") ? 0.0f : 1.0f;
    for (std::int64_t first = 0; first < place.elements(); first += block_elements) {
      const std::int64_t count = std::min(block_elements, place.elements() - first);
      pool.parallel_for((count + run_elements - 1) / run_elements, [&](std::int64_t begin, std::int64_t end, int) {
        const std::int64_t from = begin * run_elements;
        const std::int64_t length = std::min(end * run_elements, count) - from;
        float* run = numbers.data() + from;
        if (is_matrix) {
          fill_run(seed, position + static_cast<std::uint64_t>(from), length, run);
        } else {
          std::fill_n(run, length, constant);
        }
        core::from_f32(stored, run, length, bytes.data() + from * element_bytes);
      });
      position += static_cast<std::uint64_t>(count);
      device.upload(to + first * element_bytes, bytes.data(), static_cast<std::size_t>(count * element_bytes));
    }
  }
  return weights;
}

}  // namespace amalgam::model
