#include "tools/bench_learn.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/cancel.h"
#include "core/random.h"
#include "model/learn_pass.h"
#include "model/learn_units.h"
#include "model/model.h"
#include "ops/device.h"
#include "tools/bench_model.h"

namespace amalgam::tools {

namespace {

using core::Json;
using model::Keep;

/// What the presets of training drop.
constexpr float usual_dropout = 0.1f;

std::vector<model::LearnAdapter> adapters_of(const model::Config& config, std::int64_t count, std::int64_t rank,
                                             bool trains, float dropout) {
  std::vector<model::LearnAdapter> adapters(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    adapters[i].name = "adapter " + std::to_string(i);
    adapters[i].trains_a = adapters[i].trains_b = trains;
    adapters[i].dropout = dropout;
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
      const std::string prefix = "model.layers." + std::to_string(layer) + ".";
      for (const LinearShape& shape : block_shapes(config)) {
        adapters[i].modules.push_back({prefix + shape.name, rank, shape.in, shape.out, 1.0});
      }
    }
  }
  return adapters;
}

/// Small numbers around zero, different everywhere.
core::Matrix<float> small_numbers(std::int64_t rows, std::int64_t cols, core::RandomStream& random) {
  core::Matrix<float> numbers(rows, cols);
  for (std::int64_t i = 0; i < numbers.size(); ++i) {
    numbers.data()[i] = static_cast<float>(random.next_uniform() - 0.5) / 50;
  }
  return numbers;
}

/// A batch of sequences whose every token is judged by the one that follows.
class Batch {
 public:
  Batch(const LearnBench& bench, const model::Config& config)
      : weights_(static_cast<std::size_t>(bench.tokens), 1.0f / static_cast<float>(bench.tokens * bench.batch)) {
    for (std::int64_t i = 0; i < bench.batch; ++i) {
      tokens_.push_back(token_list(bench.tokens + 1, config.vocabulary, i));
    }
    const auto length = static_cast<std::size_t>(bench.tokens);
    for (const std::vector<std::int32_t>& list : tokens_) {
      sequences_.push_back({.tokens = std::span(list).first(length), .targets = std::span(list).last(length),
                            .weights = weights_});
    }
  }
  std::span<const model::LearnSequence> sequences() const { return sequences_; }

 private:
  std::vector<float> weights_;
  std::vector<std::vector<std::int32_t>> tokens_;
  std::vector<model::LearnSequence> sequences_;
};

/// A factor's moments.
struct Moments {
  ops::DeviceArray m, v;
};

ops::DeviceArray zeros_like(ops::Device& device, const ops::Array& array) {
  ops::DeviceArray zeros(device, array.type, array.rows, array.cols);
  device.fill_zero(zeros.view().data, zeros.bytes());
  return zeros;
}

class Bench {
 public:
  Bench(const LearnBench& bench, ops::Device& device)
      : bench_(bench), device_(device), model_(device, config_named(bench.config), dtype_named(bench.dtype), 1),
        batch_(bench, model_.config()) {}

  const model::Config& config() const { return model_.config(); }
  double tokens() const { return static_cast<double>(bench_.tokens * bench_.batch); }

  double bound_seconds() {
    return products_seconds(device_, config(), dtype_named(bench_.dtype), bench_.tokens * bench_.batch,
                            Direction::both);
  }

  Json train(Keep keep, float dropout, double bound_seconds) {
    model::LearnUnits units = units_of(1, bench_.rank, true, dropout);
    model::LearnPass pass(model_, units, keep);
    std::vector<Moments> moments;
    for (const model::TrainedFactor& factor : units.trained()) {
      moments.push_back({zeros_like(device_, factor.values), zeros_like(device_, factor.values)});
    }
    ops::AdamwStep step{.t = 0, .rate = 1e-5, .weight_decay = 0.01};
    const double seconds = median_seconds(device_, [&] {
      units.zero_gradients();
      pass.learn(batch_.sequences(), ops::TokenObjective::cross_entropy);
      double squares = 0;
      for (const model::TrainedFactor& factor : units.trained()) {
        squares += device_.squared_norm(factor.gradient, factor.mask);
      }
      step.gradient_scale = squares > 1 ? 1 / std::sqrt(squares) : 1;
      ++step.t;
      for (std::size_t i = 0; i < moments.size(); ++i) {
        const model::TrainedFactor& factor = units.trained()[i];
        device_.adamw(factor.values, factor.gradient, moments[i].m.view(), moments[i].v.view(), factor.mask, step,
                      factor.copy);
      }
    });
    constexpr double products_per_unit = 6;  // u, its share of out, v, its share of d_x, d_a and d_b
    return rates(seconds, bound_seconds, products_per_unit, units, keep);
  }

  Json tune(Keep keep, std::int64_t rank, double bound_seconds) {
    model::LearnUnits units = units_of(bench_.adapters, rank, false, 0);
    model::LearnPass pass(model_, units, keep);
    double coefficient = 1.0 / static_cast<double>(bench_.adapters);
    const double seconds = median_seconds(device_, [&] {
      for (std::size_t a = 0; a < units.adapters().size(); ++a) {
        for (std::size_t m = 0; m < units.adapters()[a].modules.size(); ++m) {
          units.set_coefficients(a, m, std::span(&coefficient, 1));
        }
      }
      units.zero_gradients();
      pass.learn(batch_.sequences(), ops::TokenObjective::cross_entropy);
      double slope = 0;
      for (std::size_t a = 0; a < units.adapters().size(); ++a) {
        for (std::size_t m = 0; m < units.adapters()[a].modules.size(); ++m) {
          for (const double gradient : units.coefficient_gradients(a, m)) slope += gradient;
        }
      }
      coefficient += slope > 0 ? -1e-4 : 1e-4;
    });
    constexpr double products_per_unit = 4;  // no d_a and d_b
    return rates(seconds, bound_seconds, products_per_unit, units, keep);
  }

 private:
  model::LearnUnits units_of(std::int64_t adapters, std::int64_t rank, bool trains, float dropout) {
    const core::CancelToken never;
    core::RandomStream random(1, "bench learn");
    const std::vector<model::LearnAdapter> list = adapters_of(config(), adapters, rank, trains, dropout);
    const auto source = [&](std::size_t adapter, std::size_t module) -> model::FactorValues {
      const model::LearnModule& part = list[adapter].modules[module];
      core::Matrix<float> a = small_numbers(part.rank, part.in, random);
      core::Matrix<float> b = small_numbers(part.out, part.rank, random);
      return {std::move(a), std::move(b), {}};
    };
    return {device_, config(), list, !trains, source, never};
  }

  /// `products_per_unit`: products of a token's numbers with a unit's row of a or column of b.
  Json rates(double seconds, double bound_seconds, double products_per_unit, const model::LearnUnits& units,
             Keep keep) const {
    double unit_numbers = 0;
    for (const model::LearnAdapter& adapter : units.adapters()) {
      for (const model::LearnModule& module : adapter.modules) {
        unit_numbers += static_cast<double>(module.rank * (module.in + module.out));
      }
    }
    double products = 2 * linear_parameters(config()) + products_per_unit / 2 * unit_numbers;
    if (keep == Keep::layer_inputs) products += static_cast<double>(config().layers - 1) * block_parameters(config());
    const std::size_t bytes = model::LearnPass::planned_bytes(device_, config(), units.adapters(),
                                                              bench_.tokens * bench_.batch, keep);
    return Json::object({{"tokensPerSecond", tokens() / seconds},
                         {"ofBound", bound_seconds / seconds},
                         {"gflopPerToken", 2 * products / 1e9},
                         {"bytes", static_cast<std::int64_t>(bytes)}});
  }

  const LearnBench& bench_;
  ops::Device& device_;
  model::Model model_;
  Batch batch_;
};

}  // namespace

Json bench_learn(const LearnBench& bench) {
  const core::CancelToken never;
  const auto device = ops::open_device(bench.device, bench.threads, never);
  Bench run(bench, *device);
  const std::int64_t shared_rank = std::max<std::int64_t>(1, bench.rank / bench.adapters);
  const double bound_seconds = run.bound_seconds();
  const double bound_flop = 4 * linear_parameters(run.config()) * run.tokens();
  return Json::object({{"device", bench.device},
                       {"config", bench.config},
                       {"dtype", bench.dtype},
                       {"tokens", bench.tokens},
                       {"batch", bench.batch},
                       {"rank", bench.rank},
                       {"adapters", bench.adapters},
                       {"threads", bench.threads},
                       {"boundTokensPerSecond", run.tokens() / bound_seconds},
                       {"boundGflops", bound_flop / bound_seconds / 1e9},
                       {"training", run.train(Keep::activations, 0, bound_seconds)},
                       {"trainingRecomputed", run.train(Keep::layer_inputs, 0, bound_seconds)},
                       {"droppedTraining", run.train(Keep::activations, usual_dropout, bound_seconds)},
                       {"tuning", run.tune(Keep::activations, shared_rank, bound_seconds)},
                       {"tuningRecomputed", run.tune(Keep::layer_inputs, shared_rank, bound_seconds)},
                       {"wideTuning", run.tune(Keep::activations, bench.rank, bound_seconds)}});
}

}  // namespace amalgam::tools
