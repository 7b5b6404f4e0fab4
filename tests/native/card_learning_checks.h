// Gradients of whole models on a card against the processor's.
#pragma once

#include <string>
#include <vector>

#include "learn_fixture.h"
#include "model/learn_pass.h"

namespace amalgam::test {

/// With activations and gradients in bfloat16. Rounding a tiny model's weights to it once moves these gradients by up to 2e-2.
inline constexpr double gradient_tolerance = 3e-2;

struct Learned {
  std::vector<double> values;
  Gradients gradients;
};

inline Learned learn_once(ops::Device& device, const std::string& folder, const model::Config& config,
                          const Learners& learners, const UnitCoefficients& coefficients,
                          const std::vector<Lesson>& lessons, ops::TokenObjective objective, model::Keep keep) {
  const auto model = load_model(device, folder);
  model::LearnUnits units = learners.units(device, config);
  set_all(units, coefficients);
  model::LearnPass pass(*model, units, keep);
  Learned learned{pass.learn(sequences_of(lessons), objective), {}};
  learned.gradients = gradients_of(device, units);
  return learned;
}

/// Updates smaller than the weights they change, whose numbers bfloat16 holds: both devices have the same factors.
inline void tame_factors(Learners& learners) {
  const auto round = [](core::Matrix<float>& numbers) {
    std::vector<std::byte> stored(static_cast<std::size_t>(numbers.size()) * 2);
    core::from_f32(core::DType::BF16, numbers.data(), numbers.size(), stored.data());
    core::to_f32(core::DType::BF16, stored.data(), numbers.size(), numbers.data());
  };
  for (auto& adapter : learners.values) {
    for (model::FactorValues& values : adapter) {
      for (std::int64_t i = 0; i < values.b.size(); ++i) values.b.data()[i] *= 0.1f;
      round(values.a);
      round(values.b);
    }
  }
}

/// Tiny models with windows and with head norms, frozen and trained adapters and dropout: the card's gradients are the
/// processor's, and layers that are computed once more give the same bits.
inline void check_learning(ops::Device& device) {
  const auto processor = ops::open_device("cpu", 2, never_cancelled);
  for (const std::string family : {"mistral", "qwen3"}) {
    const core::Json text = learning_config(family);
    const model::Config config = model::parse_config(text);
    Random random(81);
    Learners learners = mixed_learners(random, config, 0.4f);
    tame_factors(learners);
    const UnitCoefficients coefficients = random_coefficients(random, learners);
    const std::vector<Lesson> lessons = random_lessons(random, {14, 1, 9}, config.vocabulary);
    const std::string folder = write_checkpoint(text, core::DType::BF16);
    const bool has_window = family == "mistral";
    const auto objective = has_window ? ops::TokenObjective::cross_entropy : ops::TokenObjective::entropy;
    const auto run = [&](ops::Device& on, model::Keep keep) {
      return learn_once(on, folder, config, learners, coefficients, lessons, objective, keep);
    };
    const Learned expected = run(*processor, model::Keep::activations);
    const Learned actual = run(device, model::Keep::activations);
    const double values = relative_error(actual.values, expected.values);
    const double gradients = relative_error(joined(actual.gradients), joined(expected.gradients));
    if (!(values < gradient_tolerance)) fail(family + ", values: " + shown(values), AMALGAM_HERE);
    if (!(gradients < gradient_tolerance)) fail(family + ", gradients: " + shown(gradients), AMALGAM_HERE);
    if (!has_window) continue;
    const Learned again = run(device, model::Keep::layer_inputs);
    CHECK(again.values == actual.values);
    CHECK(again.gradients == actual.gradients);
  }
}

}  // namespace amalgam::test
