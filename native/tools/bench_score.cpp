#include "tools/bench_score.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "core/cancel.h"
#include "core/error.h"
#include "eval/batch.h"
#include "model/model.h"
#include "ops/device.h"

namespace amalgam::tools {

namespace {

using core::Json;

constexpr double measured_seconds = 2;
constexpr int least_runs = 3;

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
    sizes(128256, 2048, 8192, 16, 32, 8, 64);  // Llama 3.2 1B
    config.tied = true;
  } else if (name == "8b") {
    sizes(128256, 4096, 14336, 32, 32, 8, 128);  // Llama 3.1 8B
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

struct Shape {
  std::int64_t in = 0;
  std::int64_t out = 0;
};

/// Linear layers of a block.
std::vector<Shape> block_shapes(const model::Config& config) {
  const std::int64_t attention = config.heads * config.head_dim;
  const std::int64_t keys = config.kv_heads * config.head_dim;
  return {{config.hidden, attention},
          {config.hidden, keys},
          {config.hidden, keys},
          {attention, config.hidden},
          {config.hidden, config.intermediate},
          {config.hidden, config.intermediate},
          {config.intermediate, config.hidden}};
}

double linear_parameters(const model::Config& config) {
  double sum = static_cast<double>(config.vocabulary) * static_cast<double>(config.hidden);
  for (const Shape& shape : block_shapes(config)) {
    sum += static_cast<double>(config.layers) * static_cast<double>(shape.in) * static_cast<double>(shape.out);
  }
  return sum;
}

/// The middle of several runs, after one that does not count.
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
  for (std::int64_t i = 0; i < count; ++i)
    tokens.push_back(static_cast<std::int32_t>((i * 7919 + seed * 104729 + 1) % vocabulary));
  return tokens;
}

class Bench {
 public:
  Bench(const ScoreBench& bench, ops::Device& device)
      : bench_(bench), device_(device), model_(device, config_named(bench.config), dtype_named(bench.dtype), 1) {}

  /// Log-probabilities of all tokens but the first of every sequence.
  Json score() {
    std::vector<std::vector<std::int32_t>> lists;
    for (std::int64_t i = 0; i < bench_.batch; ++i)
      lists.push_back(token_list(bench_.tokens + 1, config().vocabulary, i));
    eval::Batch batch;
    const double seconds = median_seconds(device_, [&] {
      batch.clear();
      for (const std::vector<std::int32_t>& list : lists) {
        const std::int64_t first = batch.add({.tokens = std::span(list).first(list.size() - 1)});
        for (std::int64_t t = 0; t < bench_.tokens; ++t) {
          batch.want_probability(first + t, list[static_cast<std::size_t>(t) + 1]);
        }
      }
      batch.run(model_, nullptr);
    });
    return rates(bench_.tokens * bench_.batch, seconds, products_seconds(bench_.tokens * bench_.batch));
  }

  /// One more token for each of `sequences`, which have a past of `tokens` positions. What lies there does not matter
  /// for the time.
  Json decode(std::int64_t sequences) {
    model::KvCache cache(device_, config(), sequences, bench_.tokens + 1);
    for (std::int64_t layer = 0; layer < config().layers; ++layer) {
      for (const ops::Array& past : {cache.layer(layer).keys, cache.layer(layer).values}) {
        device_.fill_zero(past.data, ops::array_bytes(past.type, past.rows, past.stride));
      }
    }
    const std::vector<std::int32_t> tokens = token_list(bench_.tokens, config().vocabulary, 3);
    eval::Batch batch;
    const double seconds = median_seconds(device_, [&] {
      batch.clear();
      for (std::int64_t slot = 0; slot < sequences; ++slot) {
        const auto next = std::span(tokens).subspan(static_cast<std::size_t>(slot % bench_.tokens), 1);
        batch.want_best(batch.add({.tokens = next, .past = bench_.tokens, .slot = slot, .keep = true}));
      }
      batch.run(model_, &cache);
    });
    return rates(sequences, seconds, products_seconds(sequences)).set("batch", sequences);
  }

  const model::Config& config() const { return model_.config(); }

 private:
  static Json rates(std::int64_t tokens, double seconds, double bound_seconds) {
    return Json::object({{"tokensPerSecond", static_cast<double>(tokens) / seconds},
                         {"boundTokensPerSecond", static_cast<double>(tokens) / bound_seconds},
                         {"ofBound", bound_seconds / seconds}});
  }

  /// The linear layers and the head alone, on that many rows. Several layers have weights of their own, so that they
  /// come from memory as in a pass.
  double products_seconds(std::int64_t rows) {
    const core::DType type = device_.stored(dtype_named(bench_.dtype));
    std::vector<std::vector<ops::DeviceArray>> weights;
    std::int64_t widest = 0;
    const std::vector<Shape> shapes = block_shapes(config());
    for (const Shape& shape : shapes) widest = std::max({widest, shape.in, shape.out});
    const std::int64_t kept_layers = std::min<std::int64_t>(config().layers, 4);
    for (std::int64_t layer = 0; layer < kept_layers; ++layer) {
      std::vector<ops::DeviceArray>& block = weights.emplace_back();
      for (const Shape& shape : shapes) {
        block.emplace_back(device_, type, shape.out, shape.in);
        fill(block.back());
      }
    }
    constexpr std::int64_t head_rows = 256;
    const ops::DeviceArray x(device_, device_.activations(), rows, widest);
    const ops::DeviceArray y(device_, device_.activations(), rows, widest);
    const ops::DeviceArray logits(device_, device_.activations(), std::min(rows, head_rows), config().vocabulary);
    fill(x);
    return median_seconds(device_, [&] {
      for (std::int64_t layer = 0; layer < config().layers; ++layer) {
        for (std::size_t i = 0; i < shapes.size(); ++i) {
          device_.linear(x.view().col_range(0, shapes[i].in),
                         weights[static_cast<std::size_t>(layer % kept_layers)][i].view(),
                         y.view().col_range(0, shapes[i].out), ops::Into::overwrite);
        }
      }
      for (std::int64_t first = 0; first < rows; first += head_rows) {
        const std::int64_t count = std::min(head_rows, rows - first);
        device_.linear(x.view().row_range(first, count).col_range(0, config().hidden), model_.head(),
                       logits.view().row_range(0, count), ops::Into::overwrite);
      }
    });
  }

  /// Numbers of both signs below 1, over and over: products of zeros run faster on some cards.
  void fill(const ops::DeviceArray& array) {
    constexpr std::int64_t count = 1 << 20;
    std::vector<float> numbers(count);
    for (std::int64_t i = 0; i < count; ++i)
      numbers[static_cast<std::size_t>(i)] = static_cast<float>((i * 7919) % 2003 - 1001) / 1024.0f;
    std::vector<std::byte> stored(ops::array_bytes(array.view().type, 1, count));
    core::from_f32(array.view().type, numbers.data(), count, stored.data());
    auto* place = static_cast<std::byte*>(array.view().data);
    for (std::size_t done = 0; done < array.bytes(); done += stored.size()) {
      device_.upload(place + done, stored.data(), std::min(stored.size(), array.bytes() - done));
    }
  }

  const ScoreBench& bench_;
  ops::Device& device_;
  model::Model model_;
};

}  // namespace

Json bench_score(const ScoreBench& bench) {
  const core::CancelToken never;
  const auto device = ops::open_device(bench.device, bench.threads, never);
  Bench run(bench, *device);
  const double parameters = linear_parameters(run.config());
  Json score = run.score();
  Json decode = Json::array();
  for (const std::int64_t sequences : {1, 64}) decode.push(run.decode(sequences));
  return Json::object({{"device", bench.device},
                       {"config", bench.config},
                       {"dtype", bench.dtype},
                       {"tokens", bench.tokens},
                       {"batch", bench.batch},
                       {"threads", bench.threads},
                       {"gflopPerToken", 2 * parameters / 1e9},
                       {"score", std::move(score)},
                       {"decode", std::move(decode)}});
}

}  // namespace amalgam::tools
