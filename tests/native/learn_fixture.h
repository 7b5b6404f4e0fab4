// Tiny base models, adapters that learn, and texts, the same on any device.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/device_numbers.h"
#include "model/learn_pass.h"
#include "model_fixture.h"

namespace amalgam::test {

inline const std::vector<model::Linear> every_linear{model::Linear::q,    model::Linear::k,  model::Linear::v,
                                                     model::Linear::o,    model::Linear::gate, model::Linear::up,
                                                     model::Linear::down};

/// What an adapter of a test is like.
struct LearnerKind {
  std::int64_t rank = 2;
  std::vector<model::Linear> linears = every_linear;
  bool trains_a = false;
  bool trains_b = false;
  float dropout = 0;
  std::int64_t first_layer = 0;
};

/// Adapters with their numbers.
struct Learners {
  std::vector<model::LearnAdapter> adapters;
  std::vector<std::vector<model::FactorValues>> values;

  void add(Random& random, const model::Config& config, const LearnerKind& kind) {
    model::LearnAdapter adapter{.name = "adapter-" + std::to_string(adapters.size()),
                                .modules = {},
                                .trains_a = kind.trains_a,
                                .trains_b = kind.trains_b,
                                .dropout = kind.dropout};
    values.emplace_back();
    for (std::int64_t layer = kind.first_layer; layer < config.layers; ++layer) {
      for (const model::Linear linear : kind.linears) {
        const model::LinearShape shape = model::linear_shape(config, linear);
        adapter.modules.push_back({model::module_name(layer, linear), kind.rank, shape.in, shape.out, 0.5});
        values.back().push_back({random_matrix<float>(random, kind.rank, shape.in),
                                 random_matrix<float>(random, shape.out, kind.rank),
                                 {}});
      }
    }
    adapters.push_back(std::move(adapter));
  }

  /// The same adapters as a source of numbers.
  model::FactorSource source() const {
    return [this](std::size_t adapter, std::size_t module) {
      const model::FactorValues& own = values[adapter][module];
      return model::FactorValues{own.a.copy(), own.b.copy(), own.mask};
    };
  }

  model::LearnUnits units(ops::Device& device, const model::Config& config, bool wants_coefficients = true) const {
    return {device, config, adapters, wants_coefficients, source(), never_cancelled};
  }
};

/// A text to learn from, with a random weight for some of its tokens.
struct Lesson {
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> targets;
  std::vector<float> weights;
  std::uint64_t key;

  model::LearnSequence sequence() const { return {tokens, targets, weights, key}; }
};

inline std::vector<Lesson> random_lessons(Random& random, const std::vector<std::int64_t>& lengths,
                                          std::int64_t vocabulary) {
  std::vector<Lesson> lessons;
  for (const std::int64_t length : lengths) {
    Lesson lesson{random_tokens(random, length, vocabulary), random_tokens(random, length, vocabulary), {},
                  random.bits()};
    for (std::int64_t t = 0; t < length; ++t) {
      lesson.weights.push_back(t % 3 == 1 ? 0.0f : 0.1f + 0.05f * static_cast<float>(random.number()));
    }
    lessons.push_back(std::move(lesson));
  }
  return lessons;
}

inline std::vector<model::LearnSequence> sequences_of(const std::vector<Lesson>& lessons) {
  std::vector<model::LearnSequence> sequences;
  for (const Lesson& lesson : lessons) sequences.push_back(lesson.sequence());
  return sequences;
}

/// sum weight * value
inline double weighted_sum(const std::vector<Lesson>& lessons, const std::vector<double>& values) {
  double sum = 0;
  std::size_t token = 0;
  for (const Lesson& lesson : lessons) {
    for (const float weight : lesson.weights) sum += weight * values[token++];
  }
  return sum;
}

/// Random coefficients for every unit, around 1.
using UnitCoefficients = std::vector<std::vector<std::vector<double>>>;
inline UnitCoefficients random_coefficients(Random& random, const Learners& learners) {
  UnitCoefficients coefficients;
  for (const model::LearnAdapter& adapter : learners.adapters) {
    coefficients.emplace_back();
    for (const model::LearnModule& module : adapter.modules) {
      std::vector<double>& own = coefficients.back().emplace_back();
      for (std::int64_t r = 0; r < module.rank; ++r) own.push_back(1 + 0.5 * random.number());
    }
  }
  return coefficients;
}

inline void set_all(model::LearnUnits& units, const UnitCoefficients& coefficients) {
  for (std::size_t a = 0; a < coefficients.size(); ++a) {
    for (std::size_t m = 0; m < coefficients[a].size(); ++m) units.set_coefficients(a, m, coefficients[a][m]);
  }
}

/// Every gradient of the units by name: "coefficients of 0 model.layers.0.mlp.up_proj", "A of ...", "B of ...".
using Gradients = std::map<std::string, std::vector<double>>;

inline std::string gradient_name(const char* kind, const model::LearnUnits& units, std::size_t adapter,
                                 std::size_t module) {
  return std::string(kind) + " of " + std::to_string(adapter) + " " + units.adapters()[adapter].modules[module].name;
}

inline Gradients gradients_of(ops::Device& device, const model::LearnUnits& units, bool with_coefficients = true) {
  Gradients gradients;
  for (std::size_t a = 0; with_coefficients && a < units.adapters().size(); ++a) {
    for (std::size_t m = 0; m < units.adapters()[a].modules.size(); ++m) {
      gradients[gradient_name("coefficients", units, a, m)] = units.coefficient_gradients(a, m);
    }
  }
  for (const model::TrainedFactor& factor : units.trained()) {
    gradients[gradient_name(factor.is_b ? "B" : "A", units, factor.adapter, factor.module)] =
        model::read_numbers(device, factor.gradient);
  }
  return gradients;
}

/// ||actual - expected|| / ||expected||; NaN when either holds one.
inline double relative_error(const std::vector<double>& actual, const std::vector<double>& expected) {
  CHECK_EQ(actual.size(), expected.size());
  double difference = 0;
  double length = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
    length += expected[i] * expected[i];
  }
  return std::sqrt(difference / std::max(length, 1e-300));
}

inline std::vector<double> joined(const Gradients& gradients) {
  std::vector<double> all;
  for (const auto& [name, numbers] : gradients) all.insert(all.end(), numbers.begin(), numbers.end());
  return all;
}

/// The four families, as small as they can be with grouped keys, biases, head norms and windows. Two of them have a wide
/// MLP, two a narrow one, since its arrays share their memory with those of attention.
inline const std::vector<std::string> learning_families{"llama", "mistral", "qwen2", "qwen3"};
inline core::Json learning_config(const std::string& family) {
  const bool is_wide = family == "mistral" || family == "qwen3";
  std::vector<core::Json::Member> fields{{"vocab_size", 23},
                                         {"hidden_size", 12},
                                         {"intermediate_size", is_wide ? 36 : 20},
                                         {"num_attention_heads", 4},
                                         {"head_dim", 4}};
  if (family == "mistral") fields.emplace_back("sliding_window", 3);
  return config_json(family, fields);
}

/// Four adapters of unlike ranks, targets and purposes.
inline Learners mixed_learners(Random& random, const model::Config& config, float dropout) {
  using model::Linear;
  Learners learners;
  learners.add(random, config, {.rank = 3});
  learners.add(random, config, {.rank = 1, .linears = {Linear::q, Linear::down}});
  learners.add(random, config, {.rank = 2, .trains_a = true, .trains_b = true, .dropout = dropout});
  learners.add(random, config,
               {.rank = 4, .linears = {Linear::v, Linear::o, Linear::up}, .trains_b = true, .dropout = dropout / 2});
  return learners;
}

}  // namespace amalgam::test
