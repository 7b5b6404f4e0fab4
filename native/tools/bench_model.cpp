#include "tools/bench_model.h"

#include <algorithm>
#include <chrono>

#include "core/error.h"

namespace amalgam::tools {

namespace {

constexpr double measured_seconds = 2;
constexpr int least_runs = 3;

/// Numbers of both signs below 1, over and over: products of zeros run faster on some cards.
void fill(ops::Device& device, const ops::DeviceArray& array) {
  constexpr std::int64_t count = 1 << 20;
  std::vector<float> numbers(count);
  for (std::int64_t i = 0; i < count; ++i) {
    numbers[static_cast<std::size_t>(i)] = static_cast<float>((i * 7919) % 2003 - 1001) / 1024.0f;
  }
  std::vector<std::byte> stored(ops::array_bytes(array.view().type, 1, count));
  core::from_f32(array.view().type, numbers.data(), count, stored.data());
  auto* place = static_cast<std::byte*>(array.view().data);
  for (std::size_t done = 0; done < array.bytes(); done += stored.size()) {
    device.upload(place + done, stored.data(), std::min(stored.size(), array.bytes() - done));
  }
}

}  // namespace

model::Config config_named(const std::string& name) {
  model::Config config;
  config.max_positions = 1 << 17;
  const auto sizes = [&](std::int64_t vocabulary, std::int64_t hidden, std::int64_t intermediate, std::int64_t layers,
                         std::int64_t heads, std::int64_t kv_heads, std::int64_t head_dim) {
    config.vocabulary = vocabulary;
    config.hidden = hidden;
    config.intermediate = intermediate;
    config.layers = layers;
    config.heads = heads;
    config.kv_heads = kv_heads;
    config.head_dim = head_dim;
    config.windows.assign(static_cast<std::size_t>(layers), 0);
  };
  if (name == "125m") {
    sizes(32000, 768, 2048, 12, 12, 12, 64);
  } else if (name == "1b") {
    sizes(128256, 2048, 8192, 16, 32, 8, 64);
    config.tied = true;
  } else if (name == "8b") {
    sizes(128256, 4096, 14336, 32, 32, 8, 128);
  } else {
    throw core::Error("request-invalid", "There is no config \"" + name + "\"; there are 125m, 1b, 8b.");
  }
  return config;
}

core::DType dtype_named(const std::string& name) {
  if (name == "F32") return core::DType::F32;
  if (name == "BF16") return core::DType::BF16;
  throw core::Error("request-invalid", "There is no dtype \"" + name + "\"; there are F32 and BF16.");
}

std::vector<LinearShape> block_shapes(const model::Config& config) {
  const std::int64_t attention = config.heads * config.head_dim;
  const std::int64_t keys = config.kv_heads * config.head_dim;
  return {{"self_attn.q_proj", config.hidden, attention},     {"self_attn.k_proj", config.hidden, keys},
          {"self_attn.v_proj", config.hidden, keys},          {"self_attn.o_proj", attention, config.hidden},
          {"mlp.gate_proj", config.hidden, config.intermediate}, {"mlp.up_proj", config.hidden, config.intermediate},
          {"mlp.down_proj", config.intermediate, config.hidden}};
}

double block_parameters(const model::Config& config) {
  double sum = 0;
  for (const LinearShape& shape : block_shapes(config)) {
    sum += static_cast<double>(shape.in) * static_cast<double>(shape.out);
  }
  return sum;
}

double linear_parameters(const model::Config& config) {
  return static_cast<double>(config.layers) * block_parameters(config) +
         static_cast<double>(config.vocabulary) * static_cast<double>(config.hidden);
}

double median_seconds(ops::Device& device, const std::function<void()>& action) {
  action();
  device.wait();
  std::vector<double> seconds;
  double total = 0;
  while (static_cast<int>(seconds.size()) < least_runs || total < measured_seconds) {
    const auto started = std::chrono::steady_clock::now();
    action();
    device.wait();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
    total += seconds.back();
  }
  std::ranges::nth_element(seconds, seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2));
  return seconds[seconds.size() / 2];
}

std::vector<std::int32_t> token_list(std::int64_t count, std::int64_t vocabulary, std::int64_t seed) {
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<std::int32_t>((i * 7919 + seed * 104729 + 1) % vocabulary));
  }
  return tokens;
}

double products_seconds(ops::Device& device, const model::Config& config, core::DType type, std::int64_t rows,
                        Direction direction) {
  const core::DType stored = device.stored(type);
  const std::vector<LinearShape> shapes = block_shapes(config);
  const std::int64_t kept_layers = std::min<std::int64_t>(config.layers, 4);
  constexpr std::int64_t head_rows = 256;
  std::vector<std::vector<ops::DeviceArray>> weights;
  std::int64_t widest = 0;
  for (const LinearShape& shape : shapes) widest = std::max({widest, shape.in, shape.out});
  for (std::int64_t layer = 0; layer < kept_layers; ++layer) {
    std::vector<ops::DeviceArray>& block = weights.emplace_back();
    for (const LinearShape& shape : shapes) {
      block.emplace_back(device, stored, shape.out, shape.in);
      fill(device, block.back());
    }
  }
  const ops::DeviceArray head(device, stored, config.vocabulary, config.hidden);
  const ops::DeviceArray x(device, device.activations(), rows, widest);
  const ops::DeviceArray y(device, device.activations(), rows, widest);
  const ops::DeviceArray back(device, device.activations(), rows, widest);
  const ops::DeviceArray logits(device, device.activations(), std::min(rows, head_rows), config.vocabulary);
  fill(device, head);
  fill(device, x);
  const auto multiply = [&](std::int64_t first, std::int64_t count, const ops::DeviceArray& w, ops::Array out) {
    const auto part = [&](const ops::DeviceArray& array) {
      return array.view().row_range(first, count).col_range(0, w.view().cols);
    };
    device.linear(part(x), w.view(), out, ops::Into::overwrite);
    if (direction == Direction::both) device.linear_back(out, w.view(), part(back), ops::Into::overwrite);
  };
  return median_seconds(device, [&] {
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
      for (std::size_t i = 0; i < shapes.size(); ++i) {
        multiply(0, rows, weights[static_cast<std::size_t>(layer % kept_layers)][i],
                 y.view().col_range(0, shapes[i].out));
      }
    }
    for (std::int64_t first = 0; first < rows; first += head_rows) {
      const std::int64_t count = std::min(head_rows, rows - first);
      multiply(first, count, head, logits.view().row_range(0, count));
    }
  });
}

}  // namespace amalgam::tools
