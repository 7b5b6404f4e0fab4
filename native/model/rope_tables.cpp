#include "model/rope_tables.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace amalgam::model {

namespace {

constexpr std::int64_t fewest_rows = 4096;

/// Rows of a table that serves `positions`: in doubling steps, so that a growing text seldom asks for another one.
std::int64_t table_rows(const Config& config, std::int64_t positions) {
  const auto needed = static_cast<std::uint64_t>(std::max(positions, fewest_rows));
  return std::min(config.max_positions, static_cast<std::int64_t>(std::bit_ceil(needed)));
}

/// Llama 3.1's rule: long waves are stretched by the factor, short ones kept, those in between blended.
float stretched(float frequency, const RopeScaling& scaling) {
  const auto factor = static_cast<float>(scaling.factor);
  const auto low = static_cast<float>(scaling.low_freq_factor);
  const auto original = static_cast<float>(scaling.original_positions);
  const auto longest_kept =
      static_cast<float>(static_cast<double>(scaling.original_positions) / scaling.high_freq_factor);
  const auto shortest_stretched =
      static_cast<float>(static_cast<double>(scaling.original_positions) / scaling.low_freq_factor);
  const float wave = static_cast<float>(2 * std::numbers::pi) / frequency;
  if (wave < longest_kept) return frequency;
  if (wave > shortest_stretched) return frequency / factor;
  const float smooth =
      (original / wave - low) / static_cast<float>(scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - smooth) * frequency / factor + smooth * frequency;
}

}  // namespace

std::vector<float> rope_frequencies(const Config& config) {
  std::vector<float> frequencies;
  const auto theta = static_cast<float>(config.rope_theta);
  const RopeScaling& scaling = config.rope_scaling;
  for (std::int64_t pair = 0; pair < config.head_dim / 2; ++pair) {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(config.head_dim);
    const float frequency = 1.0f / std::pow(theta, exponent);
    switch (scaling.kind) {
      case RopeScaling::Kind::none: frequencies.push_back(frequency); break;
      case RopeScaling::Kind::linear: frequencies.push_back(frequency / static_cast<float>(scaling.factor)); break;
      case RopeScaling::Kind::llama3: frequencies.push_back(stretched(frequency, scaling)); break;
    }
  }
  return frequencies;
}

std::size_t RopeTables::planned_bytes(const Config& config, std::int64_t positions) {
  return 2 * ops::array_bytes(core::DType::F32, table_rows(config, positions), config.head_dim / 2);
}

void RopeTables::reserve(ops::Device& device, const Config& config, std::int64_t positions) {
  if (cosines_.view().rows >= positions && cosines_.view().rows > 0) return;
  const std::int64_t rows = table_rows(config, positions);
  const std::vector<float> frequencies = rope_frequencies(config);
  std::vector<float> cosines;
  std::vector<float> sines;
  for (std::int64_t position = 0; position < rows; ++position) {
    for (const float frequency : frequencies) {
      const float angle = frequency * static_cast<float>(position);
      cosines.push_back(std::cos(angle));
      sines.push_back(std::sin(angle));
    }
  }
  cosines_ = {};
  sines_ = {};
  cosines_ = ops::DeviceArray(device, core::DType::F32, rows, config.head_dim / 2);
  sines_ = ops::DeviceArray(device, core::DType::F32, rows, config.head_dim / 2);
  device.upload(cosines_.view().data, cosines.data(), cosines_.bytes());
  device.upload(sines_.view().data, sines.data(), sines_.bytes());
}

}  // namespace amalgam::model
